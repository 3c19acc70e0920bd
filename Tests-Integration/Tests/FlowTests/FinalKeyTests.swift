import FlowKit
import Foundation
import MuSig2
import Multiformats
import Secp256k1
import Testing

/// What the command shows and asks for is the final key: with tweaks, the signers do not say for which key they sign.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct FinalKeyTests {
    private let command: Command
    private let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    private func newKey(_ home: String) async throws -> String {
        let made = try await command.run(["key", "new", "--home", folder.file(home), "--json"])
        #expect(made.status == 0, "\(made.error)")
        return try JSONLine(made.output).text("publicKey")
    }

    private func common(_ home: String) -> [String] {
        ["--home", folder.file(home), "--listen", "/ip4/127.0.0.1/tcp/0", "--timeout", "60"]
    }

    private func refusal(_ arguments: [String], home: String) async throws -> (status: Int, message: String) {
        let finished = try await command.run(arguments + common(home) + ["--human"])
        return (finished.status, finished.error)
    }

    @Test
    func tweaksNeedTheFinalKey() async throws {
        let signers = try await [newKey("a"), newKey("b")].joined(separator: ",")
        let tweak = ["--signers", signers, "--tweak", "plain:" + String(repeating: "11", count: 32)]
        let aggregate = try await command.run(["aggregate", "--json"] + tweak)
        let finalKey = try JSONLine(aggregate.output).text("xOnlyKey")
        let untweaked = try JSONLine(
            try await command.run(["aggregate", "--json", "--signers", signers]).output
        ).text("xOnlyKey")
        let create = ["create", "--message-hex", "00"] + tweak

        // K19: nothing is made or joined without a word that names the key.
        let silent = try await refusal(create, home: "a")
        #expect(silent.status == 3 && silent.message.contains("it takes --allow-tweak, and --expect-key"))
        let half = try await refusal(create + ["--allow-tweak"], home: "a")
        #expect(half.status == 64 && half.message.contains("--allow-tweak needs --expect-key"))
        let other = try await refusal(create + ["--allow-tweak", "--expect-key", untweaked], home: "a")
        #expect(other.status == 3 && other.message.contains("the final key is \(finalKey)"))
        let wrong = try await refusal(create + ["--allow-tweak", "--expect-key", "02"], home: "a")
        #expect(wrong.status == 64 && wrong.message.contains("expected 32 bytes, found 1"))

        let (invitations, invite) = AsyncStream.makeStream(of: String.self)
        let creator = Task {
            defer { invite.finish() }
            let allowed = create + ["--allow-tweak", "--expect-key", finalKey]
            return try await command.follow(allowed + common("a")) { line, _ in
                if line.event == "invitation" {
                    let shown = try line.text("finalKey")
                    #expect(shown == finalKey)
                    invite.yield(try line.text("invitation"))
                }
                return .goOn
            }
        }
        var invitation = ""
        for await text in invitations {
            invitation = text
            break
        }
        let join = ["join", invitation, "--yes"]
        let unasked = try await refusal(join, home: "b")
        #expect(unasked.status == 3 && unasked.message.contains("final key   \(finalKey)"), "the review comes first")
        #expect(unasked.message.contains("it takes --allow-tweak"))
        let mistaken = try await refusal(join + ["--allow-tweak", "--expect-key", untweaked], home: "b")
        #expect(mistaken.status == 3 && mistaken.message.contains("--expect-key names another"))
        let joined = try await command.follow(
            join + ["--allow-tweak", "--expect-key", finalKey] + common("b")
        ) { line, _ in
            guard line.event == "session" else { return .goOn }
            let shown = try line.text("finalKey")
            #expect(shown == finalKey)
            return .goOn
        }
        let all = [joined, try await creator.value]
        #expect(all.map(\.status) == [0, 0])
        let key = try XOnlyPublicKey(rawRepresentation: #require(Hex.decode(finalKey)))
        for followed in all {
            let text = try #require(followed.lines.first { $0.event == "signature" }).text("signature")
            let signature = try SchnorrSignature(rawRepresentation: #require(Hex.decode(text)))
            #expect(key.isValidSignature(signature, for: [0]))
        }
    }
}
