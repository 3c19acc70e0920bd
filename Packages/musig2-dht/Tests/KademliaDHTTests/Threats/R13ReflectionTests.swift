import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// R13: servers and clients that say they are where somebody else is.
@Suite("R13: peers that claim the addresses of others")
struct R13ReflectionTests {
    private func told(_ node: Harness, _ number: Int) -> [String] {
        let reply = node.ask(KademliaMessage(kind: .findNode, key: node.peer(number).bytes), from: 150).reply
        let named = reply?.closerPeers.first { $0.id == node.peer(number).bytes }
        return (named?.addresses ?? []).compactMap { Multiaddr(known: $0)?.description }
    }

    private let victim = "/ip4/7.7.7.7/tcp/4001"
    private let own = "/ip4/9.9.9.9/tcp/4001"

    /// Others are told only where the server was reached, and what is on the same host.
    @Test func r13OnlyWhereAServerWasReachedIsTold() throws {
        let node = try Harness()
        let addresses = try [victim, own, "/ip4/9.9.9.9/tcp/4002/ws", "/dns4/example.org/tcp/443/wss"].map {
            try Multiaddr($0)
        }
        node.remotes[node.peer(5)] = try Multiaddr("/ip4/9.9.9.9/tcp/50000")
        node.run(
            node.tell(
                .identified(node.peer(5), addresses: addresses, isServer: true, remote: node.remotes[node.peer(5)]))
        ) { _ in KademliaMessage(kind: .findNode) }
        #expect(node.knows(5))
        #expect(told(node, 5) == [own, "/ip4/9.9.9.9/tcp/4002/ws"])
        let closest = node.ask(KademliaMessage(kind: .findNode, key: [1]), from: 150).reply?.closerPeers ?? []
        #expect(!closest.flatMap(\.addresses).contains(try Multiaddr(victim).bytes))
    }

    /// A name that this node has dialled, and reached the peer there, is told as well.
    @Test func r13ANameThatLedThereIsTold() throws {
        let node = try Harness()
        let name = try Multiaddr("/dns4/example.org/tcp/443/wss")
        node.remotes[node.peer(5)] = name
        node.run(node.tell(.identified(node.peer(5), addresses: [name], isServer: true, remote: name))) { _ in
            KademliaMessage(kind: .findNode)
        }
        #expect(told(node, 5) == [name.description])
    }

    /// What it says later changes nothing of that.
    @Test(arguments: [false, true]) func r13APushDoesNotSwapAddresses(isServer: Bool) throws {
        let node = try Harness()
        let home = try Multiaddr(own)
        func identify(_ text: String) throws {
            node.run(
                node.tell(
                    .identified(node.peer(5), addresses: [try Multiaddr(text)], isServer: isServer, remote: home))
            ) { _ in KademliaMessage(kind: .findNode) }
        }
        node.remotes[node.peer(5)] = home
        try identify(own)
        #expect(told(node, 5) == [own])
        try identify(victim)
        #expect(told(node, 5) == [])
    }

    /// A thousand addresses of one victim under the names of a thousand peers: this node tells none of them.
    @Test func r13WhatWasHeardIsNotPassedOn() throws {
        let node = try Harness()
        node.admit([1])
        node.run(node.tell(.start(Kademlia.OperationID(1), .closestPeers([1])))) { request in
            guard request.peer == node.peer(1) else { return nil }
            let named = (20..<40).compactMap { number in
                (try? Multiaddr(victim)).map {
                    KademliaMessage.Peer(id: node.peer(number).bytes, addresses: [$0.bytes])
                }
            }
            return KademliaMessage(kind: .findNode, closerPeers: named)
        }
        for number in 20..<40 { #expect(told(node, number).isEmpty) }
    }
}
