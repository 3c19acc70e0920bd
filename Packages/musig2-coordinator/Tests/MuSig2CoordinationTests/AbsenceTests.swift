import MuSig2CoordinationTestKit
import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import Secp256k1
import Testing

@testable import MuSig2Coordination

/// Saying which signers are not there.
@Suite("Absent signers") struct AbsenceTests {
    private func absences(
        _ count: Int, of session: SessionID, in events: CoordinatorEvents
    ) async -> [CoordinatorEvent] {
        var found: [CoordinatorEvent] = []
        for await event in events where event.session == session && event.name == "absent" {
            found.append(event)
            if found.count == count { break }
        }
        return found
    }

    /// A person says yes when the creator's machine is off: it is said soon that the creator is not there and what is waited for, and said
    /// again.
    @Test func theCreatorIsGoneWhenAPersonSaysYes() async throws {
        let network = Parties.network()
        let person = AskedPerson()
        let creator = try await Parties.party(0, on: network)
        let joiner = try await Parties.party(1, on: network, consent: person)
        let events = await joiner.coordinator.events
        let created = try await creator.coordinator.createSession(
            SessionRequest(
                signers: [creator.publicKey, joiner.publicKey, try TestKeys.publicKey(2)], messages: [[1]]))
        async let joined = joiner.coordinator.joinSession(created.invitation)
        await person.asked.waitThroughCancellation()
        await creator.coordinator.shutdown()
        person.answer.set(.approve)
        _ = try await joined
        let start = network.clock.uptime
        let told = try await Parties(network: network, all: [joiner]).advancing {
            await absences(2, of: created.id, in: events)
        }
        let absent = CoordinatorEvent.absent(created.id, signers: [0], waitingFor: [0, 2])
        #expect(told == [absent, absent])
        // After 5 s, and 10 s after that.
        #expect(network.clock.uptime - start >= .seconds(15))
        // Once it is there nothing is said any more.
        let again = try await Parties.party(0, on: network, store: creator.store)
        let both = Parties(network: network, all: [again, joiner])
        try await both.advancing {
            for await event in events where event.name == "participantJoined" { break }
        }
        #expect(await joiner.coordinator.machine.sessions[created.id]?.machine.absent == [])
    }

    /// A signer that has joined and goes is told of, and only while something of it is missing; the creator of a session for which nobody has
    /// come yet is told nothing.
    @Test func aSignerGoesThatHadJoined() throws {
        let world = SimulatedWorld(seed: 5)
        let nodes = try (0..<3).map { try world.start(UInt64($0)) }
        let keys = try (0..<3).map { try TestKeys.publicKey(UInt64($0)) }
        let id = try world.create(SessionPlan(signerKeys: keys, messages: [[7]], creator: 0), at: nodes[0])
        func told(_ node: SimulatedNode) -> [[Int]] {
            node.events.compactMap { if case .absent(_, let signers, _) = $0 { signers } else { nil } }
        }
        _ = try world.run(for: .seconds(60)) { false }
        #expect(told(nodes[0]).isEmpty)
        world.join(id, at: nodes[1], provider: nodes[0].peer)
        _ = try world.run(for: .seconds(60)) {
            nodes[0].machine.sessions.status(of: id)?.signers[1].isConnected == true
        }
        world.partition([nodes[1].peer])
        _ = try world.run(for: .seconds(40)) { false }
        #expect(told(nodes[0]) == [[1], [1], [1]])
        #expect(told(nodes[1]) == [[0], [0], [0]])
        world.partition([])
        world.join(id, at: nodes[2], provider: nodes[0].peer)
        let isDone = try world.run(for: .seconds(600)) {
            nodes.allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
        }
        #expect(isDone)
        let before = nodes.map { told($0).count }
        world.partition([nodes[1].peer])
        _ = try world.run(for: .seconds(600)) { false }
        #expect(nodes.map { told($0).count } == before)
    }
}
