import FlowKit
import Foundation
import Secp256k1
import Testing

/// What a person sees at a terminal.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct TerminalTests {
    private let command: Command
    private let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    /// A session that nobody joins: the command shows its invitation and leaves after five seconds.
    private func create(_ words: [String]) async throws -> [String] {
        let key = try await command.run(["key", "new", "--home", folder.file("a"), "--json"])
        let own = try JSONLine(key.output).text("publicKey")
        return [
            "create", "--signers", "\(own),\(SecretKey.generate().publicKey)", "--message", "hello", "--home",
            folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0", "--timeout", "5",
        ] + words
    }

    @Test
    func theBuildIsNamed() async throws {
        let version = try await command.run(["--version"])
        #expect(
            version.output.wholeMatch(of: #/musig2 \d+\.\d+\.\d+ \((development build|commit [0-9a-f]+\+?)\)\n/#) != nil
        )
        let help = try await command.run(["--help"])
        #expect(help.output.contains("This is \(version.output.trimmingCharacters(in: .newlines))."))
        #expect(help.output.contains("musig2 --generate-completion-script"))
        let completions = try await command.run(["--generate-completion-script", "fish"])
        #expect(completions.output.contains("expect-key"))
    }

    @Test
    func colorsForThoseWhoWantThem() async throws {
        let words = try await create([])
        let colored = try await command.atTerminal(words, variables: "-u NO_COLOR TERM=xterm")
        #expect(colored.status == 5)
        #expect(colored.output.contains("\u{1B}[1mfinal key   \u{1B}[0m"), "\(colored.output)")
        #expect(colored.output.contains("\u{1B}[1;31merror:\u{1B}[0m no signature within 5 s"))
        let plain = try await command.atTerminal(words, variables: "NO_COLOR=1 TERM=xterm")
        #expect(plain.output.contains("\nfinal key   ") && !plain.output.contains("\u{1B}"))
        let piped = try await command.run(words + ["--human"])
        #expect(piped.error.contains("final key   ") && !piped.error.contains("\u{1B}"))
    }

    /// What the terminal shows of Ctrl-C stands in a line of its own.
    @Test
    func theErrorAfterAnInterruptionHasItsLine() async throws {
        let left = try await command.atTerminal(
            try await create([]), [("signers to join", "^C")], variables: "NO_COLOR=1")
        #expect(left.status == 130)
        #expect(left.output.contains("^C\nerror: interrupted: nobody else was in the session\n"), "\(left.output)")
    }

    /// A camera at the terminal reads the invitation, in capitals.
    @Test(.enabled(if: TerminalTests.zbarimg != nil, "zbarimg is not installed"))
    func theInvitationIsReadFromTheTerminal() async throws {
        let shown = try await command.atTerminal(try await create(["--qr"]), variables: "NO_COLOR=1")
        let lines = shown.output.split(separator: "\n").map(String.init)
        let invitation = try #require(lines.first { $0.hasPrefix("musig21") })
        let code = lines.filter { $0.hasPrefix("████") }
        let width = try #require(code.first).count
        #expect(code.allSatisfy { $0.count == width } && code.count == (width + 1) / 2)
        // A grey picture of three points for each module, as the half blocks show it.
        var picture = Data("P5 \(3 * width) \(6 * code.count) 255\n".utf8)
        for line in code {
            for light in ["█▀", "█▄"] {
                let row = line.flatMap { Array(repeating: light.contains($0) ? UInt8(255) : 0, count: 3) }
                for _ in 0..<3 { picture.append(contentsOf: row) }
            }
        }
        try picture.write(to: URL(fileURLWithPath: folder.file("code.pgm")))
        let zbarimg = try #require(Self.zbarimg)
        let read = try await command.shell("\(zbarimg) -q --raw --nodbus '\(folder.file("code.pgm"))'")
        let text = read.output.trimmingCharacters(in: .newlines)
        #expect(text == invitation.uppercased())
        let decoded = try await command.run(["decode", text, "--json"])
        #expect(decoded.output == (try await command.run(["decode", invitation, "--json"])).output)
    }

    private static let zbarimg = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map { "\($0)/zbarimg" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}
