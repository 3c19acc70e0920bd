import FlowKit
import Testing

/// Endings that the others must hear of: the signature, and a no.
extension AccidentTests {
    /// A signer's computer sleeps when all others have done their part, so that it alone can finish when it wakes; the connections have
    /// gone meanwhile. `after` is what happens before it wakes.
    private func sleepThroughTheEnd(
        _ body: (
            _ creator: Task<Command.Followed, any Error>, _ other: Task<Command.Followed, any Error>,
            _ sleeper: Task<Command.Followed, any Error>, _ wake: () -> Void
        ) async throws -> Void
    ) async throws {
        let signers = try await newKeys(["a", "b", "c"])
        try await Relay.run { relay, target in
            let (invitations, invite) = AsyncStream.makeStream(of: String.self)
            let (signed, sign) = AsyncStream.makeStream(of: String.self)
            let creator = Task {
                defer { sign.finish() }
                return try await command.follow(
                    [
                        "create", "--signers", signers, "--message-hex", "00", "--timeout", "90", "--home",
                        folder.file("a"),
                    ]
                        + [
                            "--listen", "/ip4/127.0.0.1/tcp/\(target)", "--announce",
                            "/ip4/127.0.0.1/tcp/\(relay.port)",
                        ]
                ) { line, _ in
                    if line.event == "invitation" { invite.yield(try line.text("invitation")) }
                    if try line.event == "partialReceived" && line.number("received") == 2 { sign.yield("partials") }
                    if try line.event == "waitingFor" && line.text("for") == "partials" { sign.yield("waiting") }
                    if try line.event == "peerDisconnected" && line.number("signer") == 3 { sign.yield("gone") }
                    return .goOn
                }
            }
            var texts = invitations.makeAsyncIterator()
            let invitation = try #require(await texts.next())
            let join = ["join", invitation, "--yes", "--timeout", "90"]
            let (nights, fall) = AsyncStream.makeStream(of: Void.self)
            let (mornings, wake) = AsyncStream.makeStream(of: Void.self)
            let sleeper = Task {
                try await command.follow(join + common("c")) { line, _ in
                    // By now it has asked the creator for all that it misses of the signer that is not there yet.
                    guard line.event == "waitingFor" else { return .goOn }
                    fall.finish()
                    return .sleep(until: mornings)
                }
            }
            for await _ in nights {}
            let other = Task { try await command.follow(join + common("b")) { _, _ in .goOn } }
            var progress = signed.makeAsyncIterator()
            var stages = ["partials", "waiting"]
            while let stage = stages.first, let said = await progress.next() {
                if said == stage { stages.removeFirst() }
            }
            // It said that it waits some time after it had sent the sleeper all that it has.
            #expect(stages.isEmpty)
            try await relay.cutFirst()
            while let said = await progress.next(), said != "gone" {}
            try await body(creator, other, sleeper) { wake.finish() }
        }
    }

    @Test
    func aSignerThatSleptDelivers() async throws {
        try await sleepThroughTheEnd { creator, other, sleeper, wake in
            wake()
            let all = [try await creator.value, try await other.value, try await sleeper.value]
            #expect(all.map(\.status) == [0, 0, 0], "\(all.map { $0.lines.suffix(4) })")
            let signatures = try all.map {
                try $0.lines.filter { $0.event == "signature" }.map { try $0.text("signature") }
            }
            #expect(signatures[0].count == 1)
            #expect(signatures[1] == signatures[0] && signatures[2] == signatures[0])
        }
    }

    @Test
    func aSignatureThatNobodyGotIsSaid() async throws {
        try await sleepThroughTheEnd { creator, other, sleeper, wake in
            // Both are gone when it wakes, and it is the only one that has the signature.
            creator.cancel()
            other.cancel()
            _ = await (creator.result, other.result)
            wake()
            let alone = try await sleeper.value
            #expect(alone.lines.count { $0.event == "signature" } == 1)
            #expect(alone.status == 9, "\(alone.lines.suffix(4))")
            #expect(
                try alone.lines.last?.text("message")
                    == "signed, but signer 1 and signer 2 could not be told, and may wait for it")
        }
    }

    @Test(arguments: [Way.invitation, .rendezvous])
    func aSignerDeclines(_ way: Way) async throws {
        let signers = try await newKeys(["a", "b", "c"])
        try await NodeProcesses(count: 1).run { node in
            let network = way == .invitation ? [] : ["--bootstrap", node]
            let session = live(["create", "--signers", signers, "--message-hex", "00"] + network, home: "a")
            let target = try await way == .invitation ? session.invitation() : session.id()
            let second = try await joined(target, home: "b", network)
            let third = try await command.follow(
                ["join", target, "--decline", "--reason", "not on a\u{1B} Sunday"] + common("c") + network)
            #expect(third.status == 0, "\(third.lines.suffix(3))")
            #expect(third.lines.contains { $0.event == "session" } && third.lines.last?.event == "told")
            let creator = try await session.process.value
            #expect(creator.status == 4)
            #expect(
                try creator.lines.last?.text("message")
                    == "signer 3 declined: not on a\u{FFFD} Sunday; the session is ended for all")
            let heard = try await second.value
            #expect(heard.status == 4)
            #expect(
                try heard.lines.last?.text("message")
                    == "signer 1 ended the session: signer 3 declined: not on a\u{FFFD} Sunday")
        }
    }
}
