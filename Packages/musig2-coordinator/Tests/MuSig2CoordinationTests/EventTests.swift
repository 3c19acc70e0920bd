import MuSig2Session
import PeerTransport
import Testing

@testable import MuSig2Coordination

@Suite("Events") struct EventTests {
    /// Reads the stream of one session up to and with the first event of a name.
    private func read(_ events: CoordinatorEvents, until name: String) async -> [CoordinatorEvent] {
        var seen: [CoordinatorEvent] = []
        for await event in events {
            seen.append(event)
            if event.name == name { break }
        }
        return seen
    }

    @Test func eachOnceAndInOrder() async throws {
        let parties = try await Parties.start(3)
        let all = await parties[0].coordinator.events
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[1]]))
        let joinerEvents = await parties[1].coordinator.events(for: created.id)
        try await parties[1].coordinator.joinSession(created.invitation)
        try await parties[2].coordinator.joinSession(created.invitation)
        let signatures = try await parties[0].coordinator.waitForSignatures(of: created.id)
        let id = created.id
        let first = await read(all, until: "complete").filter { $0.session == id }
        #expect(first.first == .created(id, finalKey: created.finalKey))
        #expect(first.last == .complete(id, signatures))
        #expect(Set(first.map(\.name)).count == 9)
        expectOnceInOrder(first, id, me: 0)
        let second = await read(joinerEvents, until: "complete")
        expectOnceInOrder(second, id, me: 1)
        #expect(second.last == .complete(id, signatures))
        await parties.shutdown()
    }

    private func expectOnceInOrder(_ events: [CoordinatorEvent], _ id: SessionID, me: Int) {
        func position(_ matches: (CoordinatorEvent) -> Bool) -> [Int] {
            events.indices.filter { matches(events[$0]) }
        }
        #expect(position { $0.name == "joined" && $0.session == id }.count == 1)
        let ready = position { $0 == .ready(id) }
        let nonces = position { $0 == .noncesComplete(id, attempt: 1) }
        #expect(ready.count == 1)
        #expect(nonces.count == 1)
        for signer in 0..<3 where signer != me {
            let joins = position { event in
                if case .participantJoined(id, signer, _, _, 3) = event { true } else { false }
            }
            #expect(joins.count == 1)
            #expect(joins.allSatisfy { $0 < ready[0] })
        }
        for signer in 0..<3 {
            let nonce = position { event in
                if case .nonceReceived(id, 1, signer, _, 3) = event { true } else { false }
            }
            #expect(nonce.count == 1)
            #expect(nonce.allSatisfy { $0 < nonces[0] })
            let partial = position { event in
                if case .partialReceived(id, 1, signer, _, 3) = event { true } else { false }
            }
            #expect(partial.count == 1)
            #expect(partial.allSatisfy { $0 < events.count - 1 })
        }
        let counts = events.compactMap { event -> Int? in
            if case .nonceReceived(_, _, _, let received, _) = event { received } else { nil }
        }
        #expect(counts == [1, 2, 3])
        #expect(position { $0.name == "complete" } == [events.count - 1])
        #expect(ready[0] < position { $0.name == "complete" }[0])
    }

    @Test func peersComeAndGo() async throws {
        let parties = try await Parties.start(2)
        let events = await parties[0].coordinator.events
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[1]]))
        try await parties[1].coordinator.joinSession(created.invitation)
        _ = try await parties[0].coordinator.waitForSignatures(of: created.id)
        parties.network.apply(.crash(parties[1].peer))
        let seen = await read(events, until: "peerDisconnected")
        #expect(seen.filter { $0 == .peerConnected(parties[1].peer) }.count == 1)
        #expect(seen.last == .peerDisconnected(parties[1].peer))
    }

    @Test func slowReaderLosesTheOldestAndIsTold() async throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.bufferedEvents = 4
        let parties = try await Parties.start(2, configuration: configuration)
        let events = await parties[0].coordinator.events
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[1]]))
        try await parties[1].coordinator.joinSession(created.invitation)
        _ = try await parties[0].coordinator.waitForSignatures(of: created.id)
        try await parties[0].coordinator.closeSession(created.id)
        let seen = await read(events, until: "closed")
        #expect(seen.count == 5)
        guard case .missed(let count) = seen[0] else {
            Issue.record("expected missed, found \(seen[0])")
            return
        }
        #expect(count >= 6)
        #expect(seen.last == .closed(created.id))
        await parties.shutdown()
    }

    @Test func streamOfOneSessionEndsWhenItIsClosed() async throws {
        let parties = try await Parties.start(2)
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[1]]))
        let events = await parties[0].coordinator.events(for: created.id)
        try await parties[0].coordinator.closeSession(created.id)
        var names: [String] = []
        for await event in events { names.append(event.name) }
        #expect(names.last == "closed")
        #expect(names.filter { $0 == "closed" }.count == 1)
        await parties.shutdown()
    }

    @Test func shutdownEndsAllStreamsAndWaits() async throws {
        let parties = try await Parties.start(2)
        let coordinator = parties[0].coordinator
        let created = try await coordinator.createSession(SessionRequest(signers: parties.keys, messages: [[1]]))
        let events = await coordinator.events
        async let outcome: Void = {
            await #expect(throws: CoordinatorError(.notRunning, "")) {
                try await coordinator.waitForSignatures(of: created.id)
            }
        }()
        while await coordinator.waiters.count == 0 { await Task.yield() }
        await parties.shutdown()
        await outcome
        var iterator = events.makeAsyncIterator()
        var last: CoordinatorEvent?
        while let event = await iterator.next() { last = event }
        #expect(last == nil)
        await #expect(throws: CoordinatorError(.notRunning, "")) {
            try await coordinator.createSession(SessionRequest(signers: parties.keys, messages: [[1]]))
        }
    }
}
