import FlowKit
import Foundation
import Testing

/// Keys that are brought in, taken out and encrypted, as a person at a terminal does it and as a service does.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct KeyCommandTests {
    private static let wif = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn"
    private static let testnetWIF = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA"
    private static let digits = String(repeating: "0", count: 63) + "1"
    private static let publicKey = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"

    /// The key 1 under the passphrase "correct horse", which takes less work than a file that the command makes.
    private static let cheapFile = """
        musig2 encrypted key 1
        public-key 0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
        scrypt 1024 8 1 000102030405060708090a0b0c0d0e0f
        chacha20-poly1305 6465666768696a6b6c6d6e6f \
        26ed0afe8cd35e0e9f21ed33079ec925b015576434da5be3a9cdd12f814e99a70b4a1fabaef5b884c54e7d723ea1809f

        """

    private let command: Command
    private let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    /// Runs a program in a session of its own, where there is no terminal to ask at.
    private static let withoutTerminal = "import os, sys; os.setsid(); os.execv(sys.argv[1], sys.argv[1:])"

    private func shell(_ words: String, home: String, input: String = "", variables: String = "") async throws
        -> Command.Finished
    {
        try await command.shell(
            "printf %b '\(input)' | \(variables) python3 -c '\(Self.withoutTerminal)' '\(command.path)' \(words) "
                + "--home '\(folder.file(home))'")
    }

    /// At a terminal; what it showed, and whether it shows what is typed afterwards.
    private func terminal(
        _ words: [String], home: String, _ answers: [(String, String)]
    ) async throws -> Command.Finished {
        try await command.atTerminal(
            words + ["--home", folder.file(home)], answers, variables: "-u MUSIG2_PASSPHRASE_FILE")
    }

    private func makeCheap(_ home: String, _ file: String = KeyCommandTests.cheapFile) throws {
        let path = folder.file("\(home)/key")
        try FileManager.default.removeItem(atPath: path)
        try write(file, path)
    }

    private func passphraseFile(_ name: String, _ text: String) throws -> String {
        let path = folder.file(name)
        try write(text, path)
        return path
    }

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    @Test
    func keysComeInAndGoOut() async throws {
        for (home, input) in [("a", Self.wif), ("b", Self.testnetWIF), ("c", Self.digits)] {
            let imported = try await shell("key import --json", home: home, input: " \(input)\\n")
            #expect(imported.status == 0, "\(imported.output)")
            let line = try JSONLine(imported.output)
            #expect(try line.text("publicKey") == Self.publicKey)
            #expect(try String(contentsOfFile: folder.file("\(home)/key"), encoding: .ascii) == Self.digits + "\n")
        }
        for (format, expected) in [("hex", Self.digits), ("wif", Self.wif), ("wif-testnet", Self.testnetWIF)] {
            let human = try await shell("key export --yes --human --format \(format)", home: "a")
            #expect(human.output == expected + "\n")
            let json = try await shell("key export --yes --json --format \(format)", home: "a")
            #expect(try JSONLine(json.output).text("secretKey") == expected)
            #expect(try JSONLine(json.output).text("publicKey") == Self.publicKey)
        }
        let unasked = try await shell("key export --human", home: "a")
        #expect(unasked.status == 3)
        #expect(unasked.output == "")
        #expect(unasked.error.contains("Say yes beforehand with --yes"))
    }

    @Test
    func whatIsNoKeyIsRefusedAndNotShown() async throws {
        for input in [
            "", "hello", Self.wif.replacing("Dp", with: "D0") + "x",
            "5HpHagT65TZzG1PH3CSu63k8DbpvD8s5ip4nEB3kEsreAnchuDf",
        ] {
            let refused = try await shell("key import --human", home: "a", input: input)
            #expect(refused.status == 64, "\(refused.error)")
            #expect(input.isEmpty || !refused.error.contains(input))
        }
        let argument = try await shell("key import --json \(Self.wif)", home: "a")
        #expect(argument.status == 64)
        #expect(argument.output.contains("never an argument"))
        #expect(!(argument.output + argument.error).contains(Self.wif), "nor does it come into a log")
        let endless = try await command.shell("yes | '\(command.path)' key import --human --home '\(folder.file("a"))'")
        #expect(endless.status == 64)
        #expect(!FileManager.default.fileExists(atPath: folder.file("a/key")))
        _ = try await shell("key import", home: "a", input: Self.wif)
        let again = try await shell("key import --human", home: "a", input: Self.digits)
        #expect(again.status == 2)
        #expect(again.error.contains("there is a key already"))
    }

    @Test
    func aServiceHasItsPassphraseInAFile() async throws {
        let file = try passphraseFile("right", "correct horse\n")
        let variables = "MUSIG2_PASSPHRASE_FILE='\(file)'"
        let made = try await shell("key import --passphrase --json", home: "a", input: Self.wif, variables: variables)
        #expect(made.status == 0, "\(made.output)")
        let text = try String(contentsOfFile: folder.file("a/key"), encoding: .ascii)
        #expect(text.hasPrefix("musig2 encrypted key 1\n"))
        #expect(!text.contains(Self.digits))
        let mode = try FileManager.default.attributesOfItem(atPath: folder.file("a/key"))[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let shown = try await shell("key show --human", home: "a")
        #expect(shown.output == Self.publicKey + "\n")
        #expect(shown.error.contains("encrypted"))
        let exported = try await shell("key export --yes --human", home: "a", variables: variables)
        #expect(exported.output == Self.digits + "\n")

        try makeCheap("a")
        let wrongFile = try passphraseFile("wrong", "correct hors\n")
        let wrong = try await shell(
            "key export --yes --human", home: "a", variables: "MUSIG2_PASSPHRASE_FILE='\(wrongFile)'")
        #expect(wrong.status == 8)
        #expect(wrong.error.contains("the passphrase is wrong"))
        let none = try await shell("key export --yes --human", home: "a", variables: "MUSIG2_PASSPHRASE_FILE=")
        #expect(none.status == 8)
        #expect(none.error.contains("MUSIG2_PASSPHRASE_FILE=FILE"))
        let signs = try await shell(
            "create --signers \(Self.publicKey),02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5 "
                + "--message a --listen /ip4/127.0.0.1/tcp/0 --human", home: "a", variables: "MUSIG2_PASSPHRASE_FILE=")
        #expect(signs.status == 8)

        // Another passphrase, then none.
        let changed = try await shell(
            "key passphrase --new-file '\(wrongFile)' --json", home: "a", variables: variables)
        #expect(changed.status == 0, "\(changed.output)")
        let withOld = try await shell("key export --yes --human", home: "a", variables: variables)
        #expect(withOld.status == 8)
        let removed = try await shell(
            "key passphrase --remove --json", home: "a", variables: "MUSIG2_PASSPHRASE_FILE='\(wrongFile)'")
        #expect(removed.status == 0, "\(removed.output)")
        #expect(try String(contentsOfFile: folder.file("a/key"), encoding: .ascii) == Self.digits + "\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("a")) == ["key"])
    }

    @Test
    func passphraseFilesThatAreNone() async throws {
        _ = try await shell("key new", home: "a")
        for (name, text) in [("empty", "\n"), ("lines", "one\ntwo\n"), ("long", String(repeating: "a", count: 1_025))] {
            let file = try passphraseFile(name, text)
            let refused = try await shell(
                "key passphrase --human", home: "a", variables: "MUSIG2_PASSPHRASE_FILE='\(file)'")
            #expect(refused.status == 2, "\(refused.error)")
        }
        let open = try passphraseFile("open", "correct horse\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: open)
        for path in [open, folder.path, folder.file("missing")] {
            let refused = try await shell(
                "key passphrase --human", home: "a", variables: "MUSIG2_PASSPHRASE_FILE='\(path)'")
            #expect(refused.status == 2, "\(refused.error)")
        }
    }

    @Test
    func aPersonIsAskedAndNothingIsShown() async throws {
        let made = try await terminal(
            ["key", "import", "--passphrase"], home: "a",
            [
                ("Secret key, in hexadecimal or as WIF: ", Self.wif), ("New passphrase: ", "correct horse"),
                ("The same again: ", "correct horse"),
            ])
        #expect(made.status == 0, "\(made.output)")
        #expect(made.output.contains(Self.publicKey))
        #expect(!made.output.contains(Self.wif) && !made.output.contains("correct horse"))
        #expect(made.output.hasSuffix("echo on\n"))

        try makeCheap("a")
        let exported = try await terminal(
            ["key", "export"], home: "a", [("Print it? [y/N] ", "y"), ("key: ", "correct horse")])
        #expect(exported.status == 0, "\(exported.output)")
        #expect(exported.output.contains(Self.digits))
        let no = try await terminal(["key", "export"], home: "a", [("Print it? [y/N] ", "n")])
        #expect(no.status == 3)
        #expect(!no.output.contains(Self.digits))
        let wrong = try await terminal(["key", "export", "--yes"], home: "a", [("key: ", "wrong")])
        #expect(wrong.status == 8)
        #expect(wrong.output.contains("the passphrase is wrong"))
        let nothing = try await terminal(["key", "export", "--yes"], home: "a", [("key: ", "")])
        #expect(nothing.status == 3, "\(nothing.output)")

        let differ = try await terminal(
            ["key", "passphrase"], home: "a",
            [("key: ", "correct horse"), ("New passphrase: ", "one"), ("The same again: ", "two")])
        #expect(differ.status == 8)
        #expect(differ.output.contains("the two passphrases differ"))
    }

    /// What a person types while the passphrase is tried is not shown.
    @Test
    func typedAhead() async throws {
        _ = try await shell("key new", home: "a")
        try makeCheap("a", Self.cheapFile.replacing("scrypt 1024 8 1 ", with: "scrypt 262144 8 1 "))
        let wrong = try await terminal(
            ["key", "export", "--yes"], home: "a", [("key: ", "wrong"), ("\n", "typed ahead")])
        #expect(wrong.status == 8, "\(wrong.output)")
        #expect(!wrong.output.contains("typed") && wrong.output.hasSuffix("echo on\n"), "\(wrong.output)")
    }

    /// Ctrl-Z at the question leaves a terminal that shows what is typed, and going on one that does not.
    @Test
    func stoppedAtTheQuestion() async throws {
        _ = try await shell("key new", home: "a")
        try makeCheap("a")
        let exported = try await terminal(
            ["key", "export", "--yes"], home: "a", [("key: ", "^Z"), ("key: ", "correct horse")])
        #expect(exported.status == 0, "\(exported.output)")
        #expect(exported.output.hasSuffix("\(Self.digits)\nstopped, echo on\necho on\n"), "\(exported.output)")
        #expect(!exported.output.contains("correct"))
    }

    /// Of a paste that is too long, or has more lines than one, nothing is left for the shell.
    @Test
    func theRestOfAPaste() async throws {
        for paste in [String(repeating: "x", count: 5_000), "one\n" + String(repeating: "rm -rf x\n", count: 300)] {
            let words = ["key", "import", "--home", folder.file("a")].map { "'\($0)'" }.joined(separator: " ")
            let rest = "stty -icanon min 0 time 2; dd bs=4096 count=1 2>/dev/null | wc -c"
            let left = try await command.atShell(
                "\(command.path) \(words); echo status $?; \(rest)", [("as WIF: ", paste)])
            #expect(left.output.contains("status 64\n0\n"), "\(left.output)")
        }
    }

    /// Ctrl-C at the question leaves a terminal that shows what is typed.
    @Test
    func leavingAtTheQuestion() async throws {
        let left = try await terminal(["key", "new", "--passphrase"], home: "a", [("New passphrase: ", "^C")])
        #expect(left.status == 130, "\(left.output)")
        #expect(left.output.hasSuffix("echo on\n"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("a/key")))
    }
}
