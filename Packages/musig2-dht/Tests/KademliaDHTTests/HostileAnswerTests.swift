import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// Answers that a hostile server may give.
@Suite("Answers of hostile servers")
struct HostileAnswerTests {
    private let multihash: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)

    private func node() throws -> Harness {
        let node = try Harness(mode: .client)
        node.admit(1...3)
        return node
    }

    private func find(_ node: Harness, _ answer: (Kademlia.Request) -> KademliaMessage?) -> [Kademlia.Effect] {
        node.run(node.tell(.start(Kademlia.OperationID(1), .closestPeers(multihash))), answer)
    }

    private func check(_ node: Harness, _ effects: [Kademlia.Effect], asked: ClosedRange<Int>) {
        #expect(effects.outcomes.count == 1)
        #expect(asked.contains(effects.requests.count), "\(effects.requests.count)")
        #expect(node.machine.jobs.isEmpty && node.machine.requests.isEmpty)
    }

    /// The decoder refuses so many; the machine does not rely on it.
    @Test func tenThousandPeers() throws {
        let node = try node()
        var generator = SeededGenerator(seed: 3)
        let many = (0..<10_000).map { _ in
            KademliaMessage.Peer(
                id: [0, 0x24, 8, 1, 0x12, 0x20] + generator.bytes(32), addresses: [[4, 9, 9, 9, 9, 6, 15, 161]])
        }
        #expect(throws: WireError.self) {
            try KademliaMessage(decoding: KademliaMessage(kind: .findNode, closerPeers: many).encoded())
        }
        let started = node.tell(.start(Kademlia.OperationID(1), .closestPeers(multihash)))
        let request = try #require(started.requests.first)
        node.answer(request, KademliaMessage(kind: .findNode, closerPeers: many))
        let candidates = node.machine.jobs[1]?.lookup?.paths.first?.candidates.count
        #expect(candidates ?? .max <= 3 + 20)
        #expect(node.machine.requests.count <= 10)
    }

    @Test func thisNodeTheAnsweringOneAndDuplicates() throws {
        let node = try node()
        let effects = find(node) { request in
            let number = node.population.number(request.peer) ?? 0
            return KademliaMessage(
                kind: .findNode,
                closerPeers: [node.named(0), node.named(number), node.named(9), node.named(9), node.named(0)])
        }
        check(node, effects, asked: 4...4)
        #expect(!effects.requests.contains { $0.peer == node.peer(0) })
        #expect(!node.knows(0))
    }

    @Test func idsAndAddressesThatAreNone() throws {
        let node = try node()
        let id = node.peer(9).bytes
        let effects = find(node) { _ in
            KademliaMessage(
                kind: .findNode,
                closerPeers: [
                    KademliaMessage.Peer(id: [], addresses: [[4, 9, 9, 9, 9, 6, 15, 161]]),
                    KademliaMessage.Peer(id: [1, 2, 3], addresses: [[4, 9, 9, 9, 9, 6, 15, 161]]),
                    KademliaMessage.Peer(
                        id: [UInt8](repeating: 0, count: 5_000), addresses: [[4, 9, 9, 9, 9, 6, 15, 161]]),
                    KademliaMessage.Peer(id: id, addresses: []),
                    KademliaMessage.Peer(id: id, addresses: [[255, 255, 255]]),
                    KademliaMessage.Peer(id: id, addresses: [[UInt8](repeating: 4, count: 60_000)]),
                    KademliaMessage.Peer(id: id, addresses: [[4, 0, 0, 0, 0, 6, 15, 161]]),
                ])
        }
        check(node, effects, asked: 3...3)
    }

    @Test func addressesOfAnotherNetwork() throws {
        let node = try Harness(mode: .client) { $0.addressPolicy = .publicOnly }
        node.admit(1...3)
        let hidden = KademliaMessage.Peer(
            id: node.peer(9).bytes, addresses: [try Multiaddr("/ip4/10.0.0.1/tcp/22").bytes])
        let effects = find(node) { _ in KademliaMessage(kind: .findNode, closerPeers: [hidden]) }
        check(node, effects, asked: 3...3)
    }

    @Test func peersThatCannotBeReached() throws {
        let node = try node()
        let effects = find(node) { request in
            guard let number = node.population.number(request.peer), number <= 3 else { return nil }
            return KademliaMessage(kind: .findNode, closerPeers: (10..<30).map { node.named($0) })
        }
        // Three of those that each one named, or two more, and no more.
        check(node, effects, asked: 6...15)
        let expected = Set([1, 2, 3].map { node.peer($0) })
        guard case .closestPeers(let found)? = effects.outcome else {
            Issue.record("\(String(describing: effects.outcome))")
            return
        }
        #expect(Set(found.map(\.peer)) == expected)
        #expect(node.machine.peers.table.count == 3)
    }

    @Test func onlyPeersFartherAway() throws {
        let node = try node()
        let far = node.ordered(multihash, 1..<200).suffix(20)
        let effects = find(node) { _ in KademliaMessage(kind: .findNode, closerPeers: far.map { node.named($0) }) }
        check(node, effects, asked: 20...26)
    }

    /// A chain of forged peers that all answer ends, too.
    @Test func endlessPeers() throws {
        let node = try node()
        var number: UInt32 = 0
        let effects = find(node) { _ in
            let peers = (0..<20).map { _ in
                number += 1
                let id =
                    [0, 0x24, 8, 1, 0x12, 0x20] + [UInt8](repeating: 3, count: 28)
                    + (0..<4).map { UInt8(number >> (8 * $0) & 255) }
                return KademliaMessage.Peer(
                    id: id,
                    addresses: [
                        [4, UInt8(1 + number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255), 1, 6, 15, 161]
                    ])
            }
            return KademliaMessage(kind: .findNode, closerPeers: peers)
        }
        check(node, effects, asked: 20...128)
    }

    /// R5: Sybils round the key, all in one /24, do not keep the honest from being found.
    @Test func r5SybilsOfOneNetwork() throws {
        let node = try Harness(mode: .client)
        node.admit(1...20)
        // The 30 closest to the key are one party's.
        let order = node.ordered(multihash, 1..<200)
        let sybils = Set(order.prefix(30).filter { $0 > 20 })
        func named(_ number: Int) -> KademliaMessage.Peer {
            guard sybils.contains(number) else { return node.named(number) }
            return KademliaMessage.Peer(
                id: node.peer(number).bytes, addresses: [[4, 66, 6, 6, UInt8(number), 6, 15, 161]])
        }
        let effects = find(node) { request in
            guard let number = node.population.number(request.peer) else { return nil }
            // Honest tables have room for three of one network.
            let others =
                sybils.contains(number)
                ? Array(sybils) : (1..<200).filter { !sybils.contains($0) } + sybils.sorted().prefix(3)
            return KademliaMessage(
                kind: .findNode, closerPeers: node.ordered(multihash, others).prefix(20).map { named($0) })
        }
        guard case .closestPeers(let found)? = effects.outcome else {
            Issue.record("\(String(describing: effects.outcome))")
            return
        }
        let numbers = found.compactMap { node.population.number($0.peer) }
        #expect(numbers.count { sybils.contains($0) } <= 3)
        let honest = order.filter { !sybils.contains($0) }
        #expect(numbers.count { honest.prefix(20).contains($0) } >= 15)
    }

    /// R5: Sybils that say they are in the networks of honest servers, too, do not keep those from being asked; nor does one
    /// that says so of the honest.
    @Test(arguments: [false, true])
    func r5SybilsThatClaimTheNetworksOfOthers(doubtsTheHonest: Bool) throws {
        let node = try Harness(mode: .client)
        node.admit(1...20)
        let order = node.ordered(multihash, 1..<200)
        let sybils = Array(order.filter { $0 > 20 }.prefix(9))
        let honest = order.filter { !sybils.contains($0) }
        func own(_ number: Int) -> [UInt8] {
            guard let index = sybils.firstIndex(of: number) else {
                return node.population.contacts[number].addresses[0].bytes
            }
            // Three in each network.
            return [4, 66, 6, UInt8(index % 3), UInt8(index), 6, 15, 161]
        }
        func named(_ number: Int) -> KademliaMessage.Peer {
            var addresses = [own(number)]
            if let index = sybils.firstIndex(of: number) {
                addresses += honest[index / 3 * 7..<index / 3 * 7 + 7].map { own($0) }
            } else if doubtsTheHonest {
                addresses.append([4, 77, 7, 7, 7, 6, 15, 161])
            }
            return KademliaMessage.Peer(id: node.peer(number).bytes, addresses: addresses)
        }
        for number in 1..<200 { node.remotes[node.peer(number)] = Multiaddr(known: own(number)) }
        let effects = find(node) { request in
            guard let number = node.population.number(request.peer) else { return nil }
            let others = sybils.contains(number) ? sybils : Array(1..<200)
            return KademliaMessage(
                kind: .findNode, closerPeers: node.ordered(multihash, others).prefix(20).map { named($0) })
        }
        guard case .closestPeers(let found)? = effects.outcome else {
            Issue.record("\(String(describing: effects.outcome))")
            return
        }
        #expect(found.compactMap { node.population.number($0.peer) } == Array(order.prefix(20)))
    }

    @Test func providersThatAreNone() throws {
        let node = try Harness(mode: .client) {
            $0.limits.providersTakenPerAnswer = 10
            $0.limits.providersPerLookup = 25
        }
        node.admit(1...10)
        var number = 20
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .findProviders(multihash, limit: 1_000)))) {
            request in
            guard request.message.kind == .getProviders else { return KademliaMessage(kind: .findNode) }
            number += 9
            var peers = [
                node.named(0), KademliaMessage.Peer(id: [1], addresses: []),
                KademliaMessage.Peer(id: node.peer(199).bytes, addresses: [[1]]),
            ]
            peers += (number..<(number + 9)).map { node.named($0) }
            return KademliaMessage(kind: .getProviders, providerPeers: peers)
        }
        guard case .providers(let found)? = effects.outcome else {
            Issue.record("\(String(describing: effects.outcome))")
            return
        }
        #expect(found.count == 25)
        let peers = Set(found.map(\.peer))
        #expect(!peers.contains(node.peer(0)) && !peers.contains(node.peer(199)))
    }

    @Test func recordsOfAnotherKeyAndInvalidOnes() throws {
        let name = Array("/counter/x".utf8)
        let good = CounterRules.value(9, "good")
        let records = [
            KademliaMessage.Record(key: Array("/counter/y".utf8), value: good),
            KademliaMessage.Record(key: name, value: CounterRules.value(9, "bad")),
            KademliaMessage.Record(key: name, value: []),
            KademliaMessage.Record(key: name, value: good + [UInt8](repeating: 1, count: 60 << 10)),
        ]
        for record in records {
            let node = try node()
            let outcome = node.outcome(.getValue(name, quorum: 1)) { _ in
                KademliaMessage(kind: .getValue, record: record)
            }
            #expect(outcome == .value(nil))
        }
    }

    @Test func answersToNobodysQuestion() throws {
        let node = try node()
        let stray = try #require(node.tell(.start(Kademlia.OperationID(1), .closestPeers([1]))).requests.first)
        node.answer(stray)
        // Once answered, or failed, a request is over.
        #expect(node.answer(stray, KademliaMessage(kind: .findNode, closerPeers: [node.named(9)])).isEmpty)
        #expect(node.tell(.requestFailed(stray.id, .unreachable)).isEmpty)
        #expect(node.tell(.sent(stray.id)).isEmpty)
        #expect(
            node.tell(.response(Kademlia.RequestID(99_999), KademliaMessage(kind: .findNode), remote: nil)).isEmpty)
    }
}
