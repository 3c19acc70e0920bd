import ArgumentParser
import Secp256k1

/// `musig2 key`: the signer's own key.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make or show the key you sign with.",
        subcommands: [New.self, Show.self]
    )

    /// `musig2 key new`
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key, keep it in the home folder (mode 0600), and print its public key.")

        @OptionGroup var home: HomeOptions
        @OptionGroup var options: OutputOptions

        func run() async throws {
            let output = options.output
            try await reporting(output) {
                try home.makeFolder()
                let key = SecretKey.generate()
                try KeyFile.create(at: home.keyFile, key)
                try output.result(
                    "\(key.publicKey)", event: "key",
                    ["publicKey": .string("\(key.publicKey)"), "file": .string(home.keyFile)])
            }
        }
    }

    /// `musig2 key show`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the public key. The secret key is never printed.")

        @OptionGroup var home: HomeOptions
        @OptionGroup var options: OutputOptions

        func run() async throws {
            let output = options.output
            try await reporting(output) {
                let key = try KeyFile.read(at: home.keyFile)
                try output.result(
                    "\(key.publicKey)", event: "key",
                    ["publicKey": .string("\(key.publicKey)"), "file": .string(home.keyFile)])
            }
        }
    }
}
