import ArgumentParser
import MuSig2

/// `musig2 aggregate`: the shared key of some signers.
struct AggregateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregate",
        abstract: "Print the shared key of some signers: 32 bytes, as BIP-340 and Taproot know it.")

    @OptionGroup var signers: SignersOptions
    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let context = try signers.context()
            try output.result(
                "\(context.xOnlyKey)", event: "aggregate",
                [
                    "xOnlyKey": .string("\(context.xOnlyKey)"),
                    "compressedKey": .string("\(context.aggregateKey)"),
                    "signers": .strings(context.keys.map { "\($0)" }),
                ])
        }
    }
}
