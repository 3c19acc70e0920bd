import ArgumentParser
import MuSig2Session

/// The options that say which messages a session must have.
struct ExpectedMessagesOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Sign the bytes of this file and nothing else: a session with another message is refused. May be repeated, also "
                + "together with --expect-hex: one for each message, in the order of the session.",
            valueName: "file"),
        completion: .file(), transform: { MessageOptions.Named(.file($0), option: "--expect-file") })
    var expectFile: [MessageOptions.Named] = []

    @Option(
        name: .long,
        help: ArgumentHelp("The same with a message in hexadecimal. May be repeated.", valueName: "hex"),
        transform: { MessageOptions.Named(.hex($0), option: "--expect-hex") })
    var expectHex: [MessageOptions.Named] = []

    /// The messages, in the order of the command line; nil if none is expected.
    func expected() throws(Failure) -> [[UInt8]]? {
        let named = expectFile + expectHex
        return named.isEmpty ? nil : try MessageOptions.bytes(of: named)
    }

    /// Why a session is not the expected one, if it is not.
    ///
    /// - Parameters:
    ///   - messages: What the session signs.
    ///   - expected: What the person named; nil: anything.
    static func refusal(of messages: [[UInt8]], expected: [[UInt8]]?) -> String? {
        guard let expected else { return nil }
        guard messages.count == expected.count else {
            return "the session has \(messages.count) message\(messages.count == 1 ? "" : "s"), and \(expected.count) "
                + "\(expected.count == 1 ? "is" : "are") expected"
        }
        for (index, (message, other)) in zip(messages, expected).enumerated() where message != other {
            return
                "message \(index + 1) is not the one expected: its SHA-256 is \(SessionView.sha256(message)), expected was "
                + SessionView.sha256(other)
        }
        return nil
    }
}
