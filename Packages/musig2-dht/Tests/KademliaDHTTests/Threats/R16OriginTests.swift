import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// R16: servers that answer and leave, and claim to be in other networks.
@Suite("R16: servers that answer and leave")
struct R16OriginTests {
    private func claims(_ number: Int) throws -> [Multiaddr] {
        [try Multiaddr("/ip4/44.\(number).1.1/tcp/4001")]
    }

    /// Forty identities of one machine, each of which says that it is in a network of its own, and is gone when its answer
    /// is looked at.
    @Test func r16WhoAnswersAndLeavesIsNotLetIn() throws {
        let node = try Harness()
        for number in 1...40 {
            let sent = node.tell(.identified(node.peer(number), addresses: try claims(number), isServer: true))
            let request = try #require(sent.requests.first)
            node.tell(.response(request.id, KademliaMessage(kind: .findNode), remote: nil))
        }
        #expect(node.machine.peers.table.count == 0)
        #expect(node.machine.status.routingTableSize == 0)
    }

    /// The same forty where the connection that carried the answer is known.
    @Test func r16OneAddressCountsOnceHoweverManyIdentitiesItHas() throws {
        let node = try Harness()
        let origin = try Multiaddr("/ip4/66.6.6.6/tcp/4001")
        for number in 1...40 {
            let sent = node.tell(.identified(node.peer(number), addresses: try claims(number), isServer: true))
            guard let request = sent.requests.first else { continue }
            node.tell(.response(request.id, KademliaMessage(kind: .findNode), remote: origin))
        }
        #expect((1...3).contains(node.machine.peers.table.count), "\(node.machine.peers.table.count)")
    }

    /// An answer of unknown origin does not make a server live again, nor young.
    @Test func r16AnAnswerOfUnknownOriginEarnsNothing() throws {
        let node = try Harness()
        node.admit([1])
        let key = node.population.keys[1]
        let before = try #require(node.machine.peers.table[key])
        node.move(to: .seconds(100))
        let asked = node.tell(.start(Kademlia.OperationID(1), .closestPeers([1])))
        node.tell(.response(try #require(asked.requests.first).id, KademliaMessage(kind: .findNode), remote: nil))
        #expect(node.machine.peers.table[key]?.lastSeen == before.lastSeen)
    }

    /// In a lookup such an answer is none: what it names is not followed, and its server is not counted among those
    /// that answered.
    @Test func r16ALookupFollowsNoAnswerOfUnknownOrigin() throws {
        let node = try Harness(mode: .client)
        node.admit(1...3)
        var effects = node.tell(.start(Kademlia.OperationID(1), .closestPeers([1])))
        for request in effects.requests {
            let answer = KademliaMessage(kind: .findNode, closerPeers: (50..<60).map { node.named($0) })
            effects += node.tell(.response(request.id, answer, remote: nil))
        }
        #expect(effects.requests.allSatisfy { (node.population.number($0.peer) ?? 0) <= 3 })
        #expect(node.machine.peers.table.count == 3)
    }
}
