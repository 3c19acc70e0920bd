import FlowKit
import Foundation
import Multiformats
import Secp256k1
import Testing

/// What a person stumbles over that has read the README and the help alone: the command says what is wrong, in the words that
/// the person used, and names only what works.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct NewcomerTests {
    private let command: Command
    private let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    private func common(_ home: String) -> [String] {
        ["--home", folder.file(home), "--listen", "/ip4/127.0.0.1/tcp/0"]
    }

    private func newKeys(_ homes: [String]) async throws -> [String] {
        try await command.newKeys(in: homes.map { folder.file($0) })
    }

    private func failure(_ arguments: [String]) async throws -> (status: Int, message: String) {
        let finished = try await command.run(arguments + ["--human"])
        #expect(finished.output == "", "a failure prints no result")
        return (finished.status, finished.error)
    }

    /// The creator of a session beside the test, as long as a body runs.
    private func withSession(
        of signers: [String], _ words: [String] = [], home: String = "a",
        _ body: @Sendable (_ invitation: String) async throws -> Void
    ) async throws -> Command.Followed {
        let arguments =
            ["create", "--signers", signers.joined(separator: ","), "--message", "hello"] + words + common(home)
        return try await command.withCreator(arguments, body).creator
    }

    // MARK: Words of the command line

    @Test
    func helpForWhatThereIsNot() async throws {
        for words in [["help", "foo"], ["help", "key", "foo"], ["foo"], ["key", "foo"]] {
            let wrong = try await failure(words)
            #expect(wrong.status == 64 && wrong.message.contains("foo"), "\(words): \(wrong.message)")
            #expect(wrong.message.hasPrefix("error: there is no command `musig2 "), "\(wrong.message)")
        }
        for words in [["help"], ["help", "create"], ["help", "key", "new"], ["help", "node", "status"]] {
            #expect(try await command.run(words).status == 0, "\(words)")
        }
    }

    /// An error names the option that the person typed.
    @Test
    func errorsNameTheOption() async throws {
        let keys = try await newKeys(["a", "b"])
        let signers = ["--signers", keys.joined(separator: ",")]
        let key = ["verify", "--key", "\(SecretKey.generate().xOnlyPublicKey)", "--message", "a"]
        let join = ["join", String(repeating: "1", count: 64), "--bootstrap", "/ip4/127.0.0.1/tcp/1", "--yes"]
        for (words, message) in [
            (join + ["--expect-hex", "zz"], "--expect-hex: \"zz\" is not hexadecimal"),
            (join + ["--expect-file", folder.file("none")], "--expect-file: cannot read \(folder.file("none"))"),
            (["create", "--message-hex", "zz"] + signers, "--message-hex: \"zz\" is not hexadecimal"),
            (["create", "--message-file", folder.file("none")] + signers, "--message-file: cannot read "),
            (
                ["create", "--message", "a", "--tweak", "plain:00"] + signers,
                "--tweak: \"plain:00\": expected 32 bytes"
            ),
            (
                ["create", "--message", "a", "--tweak", "z"] + signers,
                "--tweak: \"z\": expected plain:HEX or xonly:HEX"
            ),
            (["create", "--message", "a", "--note", "z"] + signers, "--note: \"z\": expected KEY=VALUE"),
            (["create", "--message", "a", "--expect-key", "00"] + signers, "--expect-key: expected 32 bytes, found 1"),
            (["create"] + signers, "--message: expected at least one message, found none"),
            (["aggregate"], "--signers: expected at least one key, found none"),
            (key + ["--signature", "zz"], "--signature: \"zz\" is not hexadecimal"),
            (key + ["--signature", "00"], "--signature: expected 64 bytes, found 1"),
            (["verify", "--key", "zz", "--message", "a", "--signature", "00"], "--key: \"zz\" is not hexadecimal"),
            (["verify", "--key", "00", "--message", "a", "--signature", "00"], "--key: expected 32 bytes, found 1"),
            (["verify", "--message", "a", "--signature", "00"], "--key: expected a key, found none"),
            (["create", "--expiry", "0", "--message", "a"] + signers, "--expiry: expected 1 to 2592000 seconds"),
        ] {
            let wrong = try await failure(words + (words[0] == "join" || words[0] == "create" ? common("a") : []))
            #expect(wrong.status == (words.contains(folder.file("none")) ? 2 : 64), "\(words)")
            #expect(wrong.message.hasPrefix("error: \(message)"), "\(wrong.message)")
        }
    }

    @Test
    func theOwnKeyIsMissing() async throws {
        let keys = try await newKeys(["a", "b", "c"])
        let wrong = try await failure(
            ["create", "--signers", "\(keys[1]),\(keys[2])", "--message", "hello"] + common("a"))
        #expect(wrong.status == 64)
        #expect(
            wrong.message == "error: --signers: your own key is not among the 2 keys\n"
                + "       Your key is \(keys[0]): name it too, or name the folder of another key with --home.\n")
    }

    // MARK: Invitations

    /// A mail program breaks lines, and a shell takes blanks for the ends of arguments.
    @Test
    func aWrappedInvitation() async throws {
        let keys = try await newKeys(["a", "b"])
        let creator = try await withSession(of: keys) { invitation in
            let middle = invitation.index(invitation.startIndex, offsetBy: 76)
            let parts = [String(invitation[..<middle]), String(invitation[middle...])]
            for words in [[parts.joined(separator: "\r\n  ")], [parts.joined(separator: "\u{A0}")], parts] {
                let shown = try await command.run(["show"] + words + common("b") + ["--human"])
                #expect(shown.status == 0, "\(shown.error)")
                #expect(shown.output.contains("as text   | hello"))
                let decoded = try await command.run(["decode"] + words + ["--json"])
                #expect(decoded.output == (try await command.run(["decode", invitation, "--json"])).output)
            }
            let joined = try await command.run(["join"] + parts + ["--yes"] + common("b"))
            #expect(joined.status == 0, "\(joined.output)")
        }
        #expect(creator.status == 0)
    }

    /// What the environment names is a help: where it is dead, it is told, and no command with it is recommended.
    @Test
    func aDeadNodeIsNotRecommended() async throws {
        let keys = try await newKeys(["a", "b"])
        let dead = "/ip4/127.0.0.1/tcp/1"
        let words = ["create", "--signers", keys.joined(separator: ","), "--message", "hello", "--timeout", "1"]
        let line = (words + common("a") + ["--human"]).map { "'\($0)'" }.joined(separator: " ")
        let made = try await command.shell("MUSIG2_BOOTSTRAP='\(dead)' '\(command.path)' \(line)")
        #expect(made.status == 5)
        #expect(made.error.contains("notice      bootstrap \(dead): nobody listens there"), "\(made.error)")
        #expect(made.output.hasPrefix("musig21"), "\(made.output)")
        #expect(!made.error.contains("to join "), "\(made.error)")
        let named = try await failure(words + ["--bootstrap", dead] + common("a"))
        #expect(named.status == 6, "\(named.message)")
    }

    // MARK: At the question

    /// The time is over while a person reads: it is said that this was the reason.
    @Test
    func theTimeIsOverAtTheQuestion() async throws {
        let keys = try await newKeys(["a", "b"])
        _ = try await withSession(of: keys) { invitation in
            let late = try await command.atTerminal(
                ["join", invitation, "--timeout", "5"] + common("b"), variables: "NO_COLOR=1")
            #expect(late.status == 5)
            #expect(
                late.output.contains("Sign this? [y/N] \nerror: 5 s were over before you answered\n"), "\(late.output)")
            #expect(late.output.contains("       Nothing is signed, and you are not in the session. Join it again, "))
            let left = try await command.atTerminal(
                ["join", invitation] + common("b"), [("Sign this? [y/N]", "^C")], variables: "NO_COLOR=1")
            #expect(left.status == 130)
            #expect(left.output.contains("error: interrupted before you answered\n"), "\(left.output)")
        }
    }

    @Test
    func oneKeyOfThePagerIsEnough() async throws {
        let keys = try await newKeys(["a", "b"])
        let text = (1...40).map { "line \($0)" }.joined(separator: "\n")
        _ = try await withSession(of: keys, ["--message", text]) { invitation in
            let quit = try await command.atTerminal(
                ["join", invitation] + common("b"),
                [("q: no more --", "key: "), ("q: no more --", "key:q"), ("not seen all? [y/N]", "^C")],
                variables: "NO_COLOR=1", rows: 20)
            #expect(quit.status == 130 && quit.output.hasSuffix("echo on\n"), "\(quit.output)")
            let left = try await command.atTerminal(
                ["join", invitation] + common("b"), [("q: no more --", "^C")], variables: "NO_COLOR=1", rows: 20)
            #expect(left.status == 130 && left.output.hasSuffix("echo on\n"), "\(left.output)")
            #expect(!left.output.contains("Sign this"), "\(left.output)")
            let stopped = try await command.atTerminal(
                ["show", invitation] + common("b"), [("q: no more --", "^Z"), ("q: no more --", "key:q")],
                variables: "NO_COLOR=1", rows: 20)
            #expect(stopped.status == 0, "\(stopped.output)")
            #expect(stopped.output.hasSuffix("stopped, echo on\necho on\n"), "\(stopped.output)")
        }
    }

    // MARK: What does not fit

    @Test
    func aTerminalTooNarrowForTheCode() async throws {
        let keys = try await newKeys(["a", "b"])
        let words = [
            "create", "--signers", keys.joined(separator: ","), "--message", "hello", "--qr", "--timeout", "1",
        ]
        let narrow = try await command.atTerminal(words + common("a"), variables: "NO_COLOR=1", rows: 24, columns: 40)
        #expect(
            narrow.output.contains(#/notice      the QR code is \d+ columns wide, and the terminal has 40: /#),
            "\(narrow.output)")
        #expect(!narrow.output.contains("████"))
        let wide = try await command.atTerminal(words + common("a"), variables: "NO_COLOR=1", rows: 24, columns: 120)
        #expect(wide.output.contains("████"))
    }

    // MARK: One key twice

    @Test
    func oneHomeIsOnceInASession() async throws {
        let keys = try await newKeys(["a", "b", "c"])
        _ = try await withSession(of: keys) { invitation in
            let (end, finish) = AsyncStream.makeStream(of: Void.self)
            let (joins, joined) = AsyncStream.makeStream(of: Void.self)
            async let first = command.follow(["join", invitation, "--yes"] + common("b"), until: end) { line, _ in
                if try line.event == "nonceReceived" && line.number("received") == 2 { joined.finish() }
                return .goOn
            }
            for await _ in joins {}
            for home in ["a", "b"] {
                let second = try await failure(["join", invitation, "--yes"] + common(home))
                #expect(second.status == 2)
                #expect(
                    second.message.hasPrefix(
                        "error: another musig2 is in this session with this key already (\(folder.file(home)))\n"),
                    "\(second.message)")
            }
            finish.finish()
            let left = try await first
            #expect(left.status == 130)
            #expect(!left.lines.contains { $0.event == "newRuns" || $0.event == "notice" }, "\(left.lines)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("b/sessions")).count <= 1)
    }
}
