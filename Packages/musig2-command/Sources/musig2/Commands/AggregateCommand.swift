import ArgumentParser
import MuSig2

/// `musig2 aggregate`: the shared key of some signers.
struct AggregateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregate",
        abstract: "Print the shared key of some signers: 32 bytes, as in BIP-340 and Taproot.",
        usage: "musig2 aggregate --signers <keys> ... [<options>]",
        discussion: """
            The keys are sorted as in BIP-390. If the order given makes another key, a notice on standard error names it. With \
            --expect-key, prints the expected key and the order that makes it; status 7 if no order does.
            """)

    @OptionGroup var signers: SignersOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The expected key, 64 hexadecimal digits, in either order.", valueName: "hex"))
    var expectKey: String?

    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let contexts = try signers.contexts()
            guard let found = try chosen(of: contexts) else {
                let keys = contexts.map { "\($0.context.xOnlyKey) (\($0.order.words))" }
                throw Failure(.invalid, "the shared key is \(keys.joined(separator: ", or ")): not the one expected")
            }
            let context = found.context
            var fields: [String: JSONValue] = [
                "xOnlyKey": .string("\(context.xOnlyKey)"),
                "compressedKey": .string("\(context.aggregateKey)"),
                "signers": .strings(context.keys.map { "\($0)" }),
                "order": .string(found.order.rawValue),
            ]
            let other = contexts.first { $0.order != found.order }
            if let other { fields["\(other.order.rawValue)XOnlyKey"] = .string("\(other.context.xOnlyKey)") }
            try output.result("\(context.xOnlyKey)", event: "aggregate", fields)
            if expectKey != nil {
                output.tell("order       it is the key of the signers \(found.order.words)")
            } else if let other {
                output.tell(
                    "notice      of the signers \(other.order.words), which takes --given-order, the key is "
                        + "\(other.context.xOnlyKey)")
            }
        }
    }

    /// The key that is expected, if it is there; the one of a session if none is expected.
    private func chosen(
        of contexts: [(order: SignersOptions.Order, context: KeyAggContext)]
    ) throws(Failure) -> (order: SignersOptions.Order, context: KeyAggContext)? {
        guard let expectKey else { return contexts.first }
        let expected = try FinalKeyOptions.parsed(expectKey)
        return contexts.first { $0.context.xOnlyKey == expected }
    }
}
