import FlowKit
import Foundation
import Testing

/// A person at a terminal looks at a session before saying yes.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ReviewTests {
    private let command: Command
    private let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    private func common(_ home: String) -> [String] {
        ["--home", folder.file(home), "--listen", "/ip4/127.0.0.1/tcp/0", "--timeout", "60"]
    }

    /// What a person sees and is asked that joins a session of a long text, and how its creator ends.
    ///
    /// - Parameters:
    ///   - answers: Questions, each with what the person types.
    ///   - isToldToAll: Whether the creator hears what the person says, and ends by itself.
    private func review(
        _ answers: [(String, String)], isToldToAll: Bool = true
    ) async throws -> (person: Command.Finished, creator: Command.Followed) {
        let signers = try await command.newKeys(in: [folder.file("a"), folder.file("b")]).joined(separator: ",")
        let text = (1...40).map { "line \($0)" }.joined(separator: "\n")
        let (person, creator) = try await command.withCreator(
            ["create", "--signers", signers, "--message", text] + common("a"), endsWithBody: !isToldToAll
        ) { invitation in
            try await command.atTerminal(
                ["join", invitation] + common("b"), answers, variables: "NO_COLOR=1", rows: 20)
        }
        return (person, creator)
    }

    @Test
    func aLongTextIsReadPageByPage() async throws {
        let (person, creator) = try await review([
            ("-- 19 of 48 lines; Enter: more, q: no more --", ""), ("-- 38 of 48 lines", ""),
            ("Sign this? [y/N]", "yes"),
        ])
        #expect(person.status == 0 && creator.status == 0, "\(person.output)")
        for line in 1...40 { #expect(person.output.contains("| line \(line)\n"), "\(line)") }
        let signature = try #require(creator.lines.first { $0.event == "signature" })
        let label = "signature 1 (message SHA-256 \(try signature.text("messageHash"))): "
        #expect(person.output.contains("\(label)\(try signature.text("signature"))\n"))
    }

    @Test
    func whoDidNotReadAllIsTold() async throws {
        let (person, creator) = try await review(
            [
                ("q: no more --", "key:q"), ("Sign this, of which you have not seen all? [y/N]", "yno"),
                ("Tell the other signers that you do not sign? It is for good. [y/N]", ""),
            ], isToldToAll: false)
        #expect(person.status == 3, "\(person.output)")
        #expect(person.output.contains("| line 10\n") && !person.output.contains("| line 30\n"))
        #expect(!creator.lines.contains { $0.event == "signature" })
        #expect(!creator.lines.contains { $0.event == "declined" })
    }

    @Test
    func noIsToldToTheOthersIfThePersonWants() async throws {
        let (person, creator) = try await review([
            ("q: no more --", "key:q"), ("Sign this, of which you have not seen all? [y/N]", "n"),
            ("Tell the other signers that you do not sign? It is for good. [y/N]", "y"),
        ])
        #expect(person.status == 3, "\(person.output)")
        #expect(creator.status == 4, "\(creator.lines.suffix(4))")
    }
}
