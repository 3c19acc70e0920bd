import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// How a node finds its place and keeps it.
@Suite("How a node finds its place and keeps it")
struct BootstrapTests {
    private func honest(_ node: Harness, _ request: Kademlia.Request) -> KademliaMessage? {
        guard let number = node.population.number(request.peer), (1...60).contains(number) else { return nil }
        return KademliaMessage(
            kind: request.message.kind,
            closerPeers: node.closest(request.message.key, among: (1...60).filter { $0 != number }))
    }

    @Test func readyWhenTheBootstrapIsComplete() throws {
        let node = try Harness(trusting: [1]) { $0.bootstrapsAutomatically = true }
        #expect(node.machine.nextDeadline == .zero)
        #expect(!node.machine.status.isReady)
        let first = node.tell(.tick)
        #expect(first.requests.map(\.peer) == [node.peer(1)])
        #expect(first.requests.first?.message == KademliaMessage(kind: .findNode, key: node.peer(0).bytes))
        let effects = node.run(first) { honest(node, $0) }
        #expect(effects.statuses.last?.isReady == true)
        #expect(effects.statuses.filter(\.isReady).count >= 1)
        #expect(
            node.machine.status.routingTableSize == node.machine.peers.table.liveCount
                && node.machine.peers.table.count > 20)
        #expect(node.machine.jobs.isEmpty && node.machine.jobs.background.isEmpty)
        #expect(effects.outcomes.isEmpty)
    }

    @Test func theOperationTellsWhenAllIsDone() throws {
        let node = try Harness(trusting: [1])
        guard case .bootstrapped(let servers)? = node.outcome(.bootstrap, { honest(node, $0) }) else {
            Issue.record("it did not end so")
            return
        }
        #expect((20...node.machine.peers.table.liveCount).contains(servers))
        #expect(node.machine.status.isReady)
    }

    @Test func alone() throws {
        let node = try Harness(trusting: [1])
        #expect(node.outcome(.bootstrap) { _ in nil } == nil)
        #expect(node.live(.seconds(20)) { _ in nil }.outcomes == [.failed(.noPeers)])
        #expect(!node.machine.status.isReady)
    }

    @Test func theFirstOfANetworkMayBeReadyAlone() throws {
        let node = try Harness { $0.minimumReadyServers = 0 }
        #expect(node.tell(.tick).statuses.map(\.isReady) == [true])
    }

    /// It turns out later that there is nobody else: its bootstrap addresses lead to itself.
    @Test func theFirstOfANetworkMayLearnThatItIs() throws {
        let node = try Harness()
        _ = node.tell(.tick)
        #expect(!node.machine.status.isReady)
        #expect(node.tell(.isFirst).statuses.map(\.isReady) == [true])
        // Somebody is there after all: until an answer comes it has no place among them.
        #expect(node.tell(.vouch([node.population.contacts[1]])).statuses.map(\.isReady) == [false])
        #expect(node.tell(.isFirst).statuses.map(\.isReady) == [true])
        #expect(node.tell(.setMode(.client)).statuses.map(\.isReady) == [false])
    }

    @Test func moreServersMayBeAskedFor() throws {
        let node = try Harness(trusting: [1]) {
            $0.minimumReadyServers = 3
            $0.bootstrapsAutomatically = true
        }
        node.run(node.tell(.tick)) { _ in KademliaMessage(kind: .findNode) }
        #expect(!node.machine.status.isReady)
        node.admit([2, 3])
        #expect(node.machine.status.isReady)
    }

    /// A node that has been told of nobody is found by others.
    @Test func theFirstServerThatComesIsEnoughToBootstrap() throws {
        let node = try Harness { $0.bootstrapsAutomatically = true }
        node.tell(.tick)
        let contact = node.population.contacts[1]
        let effects = node.run(node.tell(.identified(contact.peer, addresses: contact.addresses, isServer: true))) {
            honest(node, $0)
        }
        #expect(effects.statuses.last?.isReady == true && node.machine.peers.table.count > 20)
    }

    @Test func triedAgainUntilSomebodyAnswers() throws {
        let node = try Harness(trusting: [1]) { $0.bootstrapsAutomatically = true }
        node.run(node.tell(.tick)) { _ in nil }
        var asked: [Int] = []
        for second in 1...60 {
            let effects = node.live(.seconds(1)) { _ in nil }
            if !effects.requests.isEmpty { asked.append(second) }
        }
        #expect((4...5).contains(asked.count), "\(asked)")
        let effects = node.live(.seconds(60)) { honest(node, $0) }
        #expect(effects.statuses.last?.isReady == true)
    }

    @Test func lostWhenNobodyAnswersAndFoundAgain() throws {
        let node = try Harness(trusting: [1]) { $0.bootstrapsAutomatically = true }
        node.run(node.tell(.tick)) { honest(node, $0) }
        #expect(node.machine.status.isReady)
        let lost = node.live(.seconds(3 * 3_600)) { _ in nil }
        #expect(lost.statuses.last?.isReady == false && lost.statuses.last?.routingTableSize == 0)
        let found = node.live(.seconds(1_300)) { honest(node, $0) }
        #expect(found.statuses.last?.isReady == true)
    }

    /// Every ten minutes its own neighbourhood, and each bucket that no lookup went through.
    @Test func refreshed() throws {
        let node = try Harness(trusting: [1]) { $0.bootstrapsAutomatically = true }
        node.run(node.tell(.tick)) { honest(node, $0) }
        let buckets = node.machine.peers.table.prefixesToRefresh
        #expect(buckets >= 1)
        var looked: Set<[UInt8]> = []
        node.live(.seconds(661)) { request in
            looked.insert(request.message.key)
            return honest(node, request)
        }
        #expect(looked.contains(node.peer(0).bytes))
        let prefixes = looked.map {
            (KademliaKey(digest: SHA256.hash($0)) ^ node.machine.peers.localKey).leadingZeroBitCount
        }
        #expect(Set(0..<buckets).isSubset(of: prefixes))
        #expect(looked.count <= buckets + 1)
    }

    @Test func keysForABucket() throws {
        let node = try Harness()
        var generator = node.machine.generator
        node.admit(1...199)
        for prefix in 0...6 {
            let key = node.machine.peers.randomKey(prefix, using: &generator)
            #expect((KademliaKey(digest: SHA256.hash(key)) ^ node.machine.peers.localKey).leadingZeroBitCount == prefix)
            #expect(key.count == 34 && key[..<2] == [0x12, 0x20])
        }
        #expect(!node.machine.peers.randomKey(200, using: &generator).isEmpty)
    }

    @Test func theSameInputsGiveTheSameEffects() throws {
        func run() throws -> [Kademlia.Effect] {
            let node = try Harness(trusting: [1, 2]) { $0.bootstrapsAutomatically = true }
            var effects = node.run(node.tell(.tick)) { honest(node, $0) }
            effects += node.live(.seconds(3_000)) { honest(node, $0) }
            return effects
        }
        #expect(try run() == run())
    }
}
