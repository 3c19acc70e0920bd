import CCallgrind

/// Runs each case so often that what belongs to no run counts for nothing, and tells callgrind where it begins and ends.
///
/// `Tools/callgrind/run` reads the counts.
@main
enum Main {
    static func main() throws {
        guard callgrind_is_running() != 0 else {
            throw CountedCase.Failure("this counts nothing outside valgrind: use Tools/callgrind/run")
        }
        for counted in try CountedCase.frames() + CountedCase.kademlia() + CountedCase.streams() {
            // Tables that are made once, and buffers that find their size.
            for _ in 0..<Self.warmUps { try counted.run() }
            callgrind_begin()
            for _ in 0..<Self.runs { try counted.run() }
            callgrind_end("\(counted.name)/\(Self.runs)")
        }
    }

    private static let warmUps = 20
    private static let runs = 200
}
