/// One decoder under test: what is done with arbitrary bytes, and examples of good ones to start from.
///
/// A target must end for every input, without a trap. What it decodes it encodes again, and holds the result against
/// the input: a violated property traps, which the fuzzer reports.
public struct FuzzTarget: Sendable {
    /// What it is called on the command line, and the folder of its committed cases.
    public let name: String

    /// Valid inputs.
    public let seeds: [[UInt8]]

    /// Takes one input.
    public let body: @Sendable ([UInt8]) -> Void

    init(_ name: String, seeds: [[UInt8]], _ body: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.seeds = seeds
        self.body = body
    }

    /// All targets, by name.
    public static let all: [FuzzTarget] = [formats, frames, kademlia, keys, messages, sessions, transport, webSocket]
        .joined().sorted { $0.name < $1.name }
}

/// Traps with a sentence if a property does not hold, also in a release build.
func check(_ holds: Bool, _ sentence: @autoclosure () -> String) {
    precondition(holds, sentence())
}
