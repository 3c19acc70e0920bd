import KademliaSimulation
import Testing
import WireCodec

@testable import KademliaDHT

/// R15: a node that only strangers answer is not ready, and says why.
@Suite("R15: a node that only strangers answer")
struct R15ReadyTests {
    private let strangers = 20..<30

    /// What the node says when the peers that are vouched for do as told, while strangers come and answer.
    private func status(
        _ trusted: [Int] = [], vouched: [Int] = [], _ answer: @escaping (Int) -> Bool
    ) throws -> (harness: Harness, status: Kademlia.Status) {
        let node = try Harness(trusting: trusted) { $0.bootstrapsAutomatically = true }
        node.tell(.vouch(vouched.map { node.population.contacts[$0] }))
        node.admit(strangers)
        live(node, .seconds(120), answer)
        return (node, node.machine.status)
    }

    private func live(_ node: Harness, _ duration: Duration, _ answer: (Int) -> Bool) {
        node.live(duration) { request in
            guard let number = node.population.number(request.peer) else { return nil }
            guard strangers.contains(number) || answer(number) else { return nil }
            let closer = request.message.kind == .findNode ? node.closest(request.message.key, among: strangers) : []
            return KademliaMessage(kind: request.message.kind, closerPeers: closer)
        }
    }

    @Test func r15StrangersAloneDoNotMakeReady() throws {
        for (trusted, vouched) in [([1, 2], [Int]()), ([], [3, 4]), ([1], [3])] {
            let (node, status) = try status(trusted, vouched: vouched) { _ in false }
            #expect(status.routingTableSize >= 5)
            #expect(!status.isReady, "trusted \(trusted), remembered \(vouched)")
            #expect(status.lack == .vouchedPeers)
            // As soon as one of them answers, it is, within the time between two attempts.
            live(node, .seconds(1_200)) { $0 == (trusted + vouched).last }
            #expect(node.machine.status.isReady)
        }
    }

    @Test func r15ReadyStaysWhileThereIsANetwork() throws {
        let (node, status) = try status([1], vouched: [3]) { _ in true }
        #expect(status.isReady)
        // Those may go: the network is known now.
        live(node, .seconds(3_600)) { _ in false }
        #expect(node.machine.status.isReady)
    }

    @Test func r15WhoIsAlreadyToldOfNobodyIsReadyWithWhoeverAnswers() throws {
        #expect(try status { _ in false }.status.isReady)
    }

    /// Peers of several networks are vouched for: one network alone may have surrounded the node.
    @Test func r15OneNetworkIsNotEnoughWhereSeveralAreKnown() throws {
        let node = try Harness(trusting: [1, 2]) { $0.bootstrapsAutomatically = true }
        node.live(.seconds(60)) { request in
            node.population.number(request.peer) == 1 ? KademliaMessage(kind: request.message.kind) : nil
        }
        #expect(node.machine.status.routingTableSize == 1)
        #expect(node.machine.status.lack == .networks)
        node.live(.seconds(600)) { KademliaMessage(kind: $0.message.kind) }
        #expect(node.machine.status.isReady)
    }

    /// Strangers that are there first have a quarter of each bucket until a peer that is vouched for has answered.
    @Test func r15StrangersThatComeFirstLeaveRoom() throws {
        let node = try Harness(trusting: [1, 2]) { $0.bootstrapsAutomatically = true }
        let strangers = 20..<100
        for contact in node.population.contacts[strangers] {
            node.run(node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: true))) { request in
                let isStranger = node.population.number(request.peer).map(strangers.contains) == true
                return isStranger ? KademliaMessage(kind: request.message.kind) : nil
            }
        }
        let isAmongStrangers = node.machine.bootstrap.vouched.isAmongStrangers
        #expect(isAmongStrangers)
        let table = node.machine.peers.table
        let byPrefix = Dictionary(grouping: table.buckets.flatMap(\.entries)) {
            ($0.key ^ table.local).leadingZeroBitCount
        }
        let counts = byPrefix.mapValues(\.count)
        #expect(counts[0] == 5)
        #expect(counts.values.allSatisfy { $0 <= 5 })
        node.live(.seconds(120)) { request in
            let closer = request.message.kind == .findNode ? node.closest(request.message.key, among: strangers) : []
            return KademliaMessage(kind: request.message.kind, closerPeers: closer)
        }
        let status = node.machine.status
        #expect(status.isReady)
        let ready = node.machine.status.routingTableSize
        node.admit(100..<120)
        #expect(node.machine.status.routingTableSize > ready, "those that come later have the places that are left")
    }

    @Test func r15VouchedPeersAreBounded() throws {
        let node = try Harness(trusting: [1]) { $0.limits.vouchedPeers = 3 }
        node.tell(.vouch(node.population.contacts[1...20].map { $0 }))
        #expect(node.machine.bootstrap.vouched.contacts.count == 4)
    }
}
