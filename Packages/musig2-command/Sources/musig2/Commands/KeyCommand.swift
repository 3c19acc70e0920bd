import ArgumentParser
import Foundation
import Secp256k1

/// `musig2 key`: the signer's own key.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make, show, import, export or encrypt the key you sign with.",
        discussion: """
            The key is in the file `key` of the home folder, which its owner alone may read (mode 0600). With a passphrase \
            it is encrypted there (scrypt, ChaCha20-Poly1305): `key new --passphrase`, `key import --passphrase`, and \
            `key passphrase` for an existing key. A command that signs asks for the passphrase at the terminal; for a \
            service, $MUSIG2_PASSPHRASE_FILE names a file that holds it. A wrong passphrase, or none, is status 8.
            """,
        subcommands: [New.self, Show.self, Import.self, Export.self, PassphraseCommand.self]
    )

    /// `musig2 key new`
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new",
            abstract: "Make a key, keep it in the home folder (mode 0600), and print its public key.")

        @OptionGroup var passphrase: NewPassphraseOptions
        @OptionGroup var home: HomeOptions
        @OptionGroup var options: OutputOptions

        func run() async throws {
            let output = options.output
            try await reporting(output) {
                try home.makeFolder()
                try KeyFile.refuseToOverwrite(home.keyFile)
                let content = try await passphrase.content(SecretKey.generate())
                try KeyFile.create(at: home.keyFile, content)
                try output.key(content, home)
            }
        }
    }

    /// `musig2 key show`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Print the public key. The secret key is not printed, and no passphrase is needed.")

        @OptionGroup var home: HomeOptions
        @OptionGroup var options: OutputOptions

        func run() async throws {
            let output = options.output
            try await reporting(output) {
                try output.key(try KeyFile.load(at: home.keyFile), home)
            }
        }
    }

    /// `musig2 key import`
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Import a secret key, and print its public key.",
            discussion: """
                Reads the key from standard input, or asks for it at the terminal without showing it: 64 hexadecimal \
                digits, or a WIF of mainnet or testnet for a compressed public key, as Bitcoin wallets print it. It is \
                never an argument, which other users of the machine could see. An existing key is not overwritten.

                  alice$ musig2 key import < FILE

                Use a key that has no unhardened siblings: if it was derived from an extended key without hardening, anyone with \
                that extended public key and one of its siblings can compute it.
                """)

        /// What a person may try: it is refused without a word of it.
        @Argument(help: .hidden) var arguments: [String] = []

        @OptionGroup var passphrase: NewPassphraseOptions
        @OptionGroup var home: HomeOptions
        @OptionGroup var options: OutputOptions

        func run() async throws {
            let output = options.output
            try await reporting(output) {
                guard arguments.isEmpty else {
                    throw Failure(
                        .usage, "a secret key is never an argument: other users of this machine can see those",
                        hint:
                            "Give it on standard input, or at the question. If it was one, it may stand in the history of "
                            + "your shell now.")
                }
                try home.makeFolder()
                try KeyFile.refuseToOverwrite(home.keyFile)
                let key = try ImportedKey.parse(try await ImportedKey.read())
                let content = try await passphrase.content(key)
                try KeyFile.create(at: home.keyFile, content)
                try output.key(content, home)
            }
        }
    }

    /// `musig2 key export`
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Print the secret key, after a question.",
            discussion:
                "With the secret key, others sign in your place. It is printed unencrypted, even if the file is encrypted."
        )

        @Option(
            name: .long,
            help: ArgumentHelp("hex; or wif, wif-testnet: as Bitcoin wallets read it.", valueName: "name"))
        var format: ExportFormat = .hex

        @Flag(name: .long, help: "Print without asking.")
        var yes = false

        @OptionGroup var home: HomeOptions
        @OptionGroup var options: OutputOptions

        func run() async throws {
            let output = options.output
            try await reporting(output) {
                let content = try KeyFile.load(at: home.keyFile)
                guard yes || Prompt.isPossible else {
                    throw Failure(.refused, "there is no terminal to ask at", hint: "Say yes beforehand with --yes.")
                }
                if !yes {
                    let isSure = await Prompt.confirms(
                        "This prints the secret key: anybody that sees it can sign in your place. Print it?")
                    guard isSure else { throw Failure(.refused, "refused: you said no", hint: "Nothing was printed.") }
                }
                let publicKey = content.publicKey
                let key = try await KeyFile.unlock(content, home.keyFile)
                try output.secret(
                    format.text(of: key), event: "secretKey", field: "secretKey",
                    ["publicKey": .string("\(publicKey)"), "format": .string(format.rawValue)])
            }
        }
    }

    /// `musig2 key passphrase`
    struct PassphraseCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "passphrase",
            abstract: "Encrypt the key file with a passphrase, change the passphrase, or remove it.",
            discussion: """
                Asks for the current passphrase, if there is one, or reads it from the file that $MUSIG2_PASSPHRASE_FILE \
                names; then asks twice for the new one, or reads it from --new-file. Copies of the old file, for example in a \
                backup, keep the old passphrase, or none.
                """)

        @Flag(name: .long, help: "Keep the key without a passphrase from now on.")
        var remove = false

        @Option(
            name: .long, help: ArgumentHelp("The file that holds the new passphrase.", valueName: "file"),
            completion: .file())
        var newFile: String?

        @OptionGroup var home: HomeOptions
        @OptionGroup var options: OutputOptions

        func validate() throws {
            if remove, newFile != nil { throw ValidationError("--remove and --new-file exclude each other") }
        }

        func run() async throws {
            let output = options.output
            try await reporting(output) {
                let content = try KeyFile.load(at: home.keyFile)
                let wasEncrypted = content.isEncrypted
                if remove, !wasEncrypted {
                    try output.key(content, home)
                    return
                }
                let key = try await KeyFile.unlock(content, home.keyFile)
                let changed: KeyFile.Content
                if remove {
                    changed = .plain(key)
                } else {
                    // What the environment names is the passphrase of now.
                    let file = newFile ?? (wasEncrypted ? nil : KeyPassphrase.file)
                    changed = try KeyFile.encrypted(key, try await KeyPassphrase.new(from: file))
                }
                try KeyFile.replace(at: home.keyFile, changed)
                try output.key(changed, home)
            }
        }
    }
}

/// The form in which a secret key is printed.
enum ExportFormat: String, ExpressibleByArgument, CaseIterable {
    case hex
    case wif
    case wifTestnet = "wif-testnet"

    func text(of key: borrowing SecretKey) -> SecretBytes {
        switch self {
        case .hex: key.withUnsafeBytes { SecretHex.encode($0) }
        case .wif: WalletImportFormat.encode(key, network: .mainnet)
        case .wifTestnet: WalletImportFormat.encode(key, network: .testnet)
        }
    }
}

/// Whether a key that comes to be is encrypted.
struct NewPassphraseOptions: ParsableArguments {
    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Encrypt the key file with a passphrase: asks for it, or takes it from the file that $MUSIG2_PASSPHRASE_FILE names."
        ))
    var passphrase = false

    /// What the file is to hold.
    func content(_ key: consuming SecretKey) async throws(Failure) -> KeyFile.Content {
        guard passphrase else { return .plain(key) }
        return try KeyFile.encrypted(key, try await KeyPassphrase.new())
    }
}

extension Output {
    /// Prints a public key.
    fileprivate func key(_ content: borrowing KeyFile.Content, _ home: HomeOptions) throws {
        let isEncrypted = content.isEncrypted
        try result(
            "\(content.publicKey)", event: "key",
            [
                "publicKey": .string("\(content.publicKey)"), "file": .string(home.keyFile),
                "encrypted": .bool(isEncrypted),
            ])
        tell("key file    \(home.keyFile), \(isEncrypted ? "encrypted with a passphrase" : "without a passphrase")")
    }
}
