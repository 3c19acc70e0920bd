import CCallgrind

/// `counted` tells the names of all cases, a line each; `counted N` runs the case number N so often that what belongs to no
/// run counts for nothing, and tells callgrind where it begins and ends.
///
/// Each case has a process of its own, since the allocator takes other paths after other cases. `Tools/callgrind/run` reads
/// the counts.
@main
enum Main {
    static func main() throws {
        guard let argument = CommandLine.arguments.dropFirst().first else {
            for counted in CountedCase.all { print(counted.name) }
            return
        }
        guard let number = Int(argument), CountedCase.all.indices.contains(number) else {
            throw CountedCase.Failure("no case has the number \(argument)")
        }
        guard callgrind_is_running() != 0 else {
            throw CountedCase.Failure("this counts nothing outside valgrind: use Tools/callgrind/run")
        }
        let run = try CountedCase.all[number].prepare()
        // Tables that are made once, and buffers that find their size.
        for _ in 0..<Self.warmUps { try run() }
        callgrind_begin()
        for _ in 0..<Self.runs { try run() }
        callgrind_end("\(Self.runs)")
    }

    private static let warmUps = 20
    private static let runs = 200
}
