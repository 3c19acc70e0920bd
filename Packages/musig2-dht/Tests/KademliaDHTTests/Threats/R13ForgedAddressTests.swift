import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// R13: answers and records that name places which are none of the speaker's business.
@Suite("R13: places that are not the business of the peer that names them")
struct R13ForgedAddressTests {
    private let key: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)

    /// What a server on the Internet has no business with.
    private static let forged = [
        "/ip4/127.0.0.1/tcp/8080/ws/http-path/cgi-bin%2Freboot%3Fconfirm=1", "/ip4/127.0.0.1/tcp/4001",
        "/ip6/::1/tcp/4001", "/ip4/192.168.1.1/tcp/8080/ws", "/ip4/10.0.0.1/tcp/4001", "/ip4/169.254.1.1/tcp/4001",
        "/ip6/fd00::1/tcp/4001", "/ip6/::ffff:127.0.0.1/tcp/4001", "/ip6/64:ff9b::7f00:1/tcp/4001",
        "/ip6/2002:c0a8:101::1/tcp/4001", "/ip4/0.0.0.1/tcp/4001", "/memory/5",
        "/ip4/9.9.9.9/tcp/4001/ws/http-path/cgi-bin", "/dns4/example.org/tcp/4001/ws/http-path/cgi-bin",
        "/ip4/9.9.9.9/tcp/22", "/ip4/9.9.9.9/tcp/1023", "/dns4/example.org/tcp/25",
    ]
    private static let proper = [
        "/ip4/9.9.9.9/tcp/4001", "/ip4/9.9.9.8/tcp/80/ws", "/dns4/example.org/tcp/443/wss",
        "/ip4/9.9.9.7/tcp/4001/ws/http-path/%2F",
    ]

    private func peer(_ node: Harness, _ number: Int, _ addresses: [String]) throws -> KademliaMessage.Peer {
        KademliaMessage.Peer(id: node.peer(number).bytes, addresses: try addresses.map { try Multiaddr($0).bytes })
    }

    private func node(at address: String? = nil) throws -> Harness {
        let node = try Harness(mode: .client) { $0.exemptsPrivateGroups = true }
        for number in 1...3 {
            if let address { node.remotes[node.peer(number)] = try Multiaddr(address) }
            node.admit([number])
        }
        return node
    }

    @Test(arguments: forged) func r13AServerOnTheInternetNamesOnlyIt(address: String) throws {
        let node = try node()
        let operations: [Kademlia.Operation] = [
            .closestPeers(key), .findProviders(key, limit: 9), .findPeer(node.peer(100)), .bootstrap,
        ]
        for operation in operations {
            let effects = node.run(node.tell(.start(Kademlia.OperationID(1), operation))) { request in
                let named = [try? peer(node, 100, [address])].compactMap { $0 }
                return KademliaMessage(kind: request.message.kind, closerPeers: named, providerPeers: named)
            }
            #expect(effects.requests.allSatisfy { $0.peer != node.peer(100) }, "\(operation)")
            for provider in effects.progress { #expect(provider.addresses.isEmpty) }
            switch effects.outcome {
            case .providers(let found)?: #expect(found.allSatisfy { $0.addresses.isEmpty })
            case .peer(let contact, _)?: #expect(contact == nil)
            case .closestPeers, .bootstrapped: break
            case let other: Issue.record("\(String(describing: other))")
            }
        }
    }

    @Test(arguments: proper) func r13WhatIsProperIsAsked(address: String) throws {
        let node = try node()
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .closestPeers(key)))) { request in
            guard request.peer != node.peer(100) else { return nil }
            return (try? peer(node, 100, [address])).map { KademliaMessage(kind: .findNode, closerPeers: [$0]) }
        }
        let asked = effects.requests.first { $0.peer == node.peer(100) }
        #expect(asked?.addresses.map(\.description) == [try Multiaddr(address).description])
    }

    /// One of a local network may name its neighbors, but nobody's own machine; one of this machine may name that, too.
    @Test(arguments: [
        ("/ip4/192.168.1.5/tcp/4001", "/ip4/192.168.1.9/tcp/4001", true),
        ("/ip4/192.168.1.5/tcp/4001", "/ip4/127.0.0.1/tcp/4001", false),
        ("/ip4/192.168.1.5/tcp/4001", "/ip4/192.168.1.9/tcp/22", false),
        ("/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4002", true),
        ("/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4002/ws/http-path/reboot", false),
    ])
    func r13WhereTheServerIsDecides(server: String, named: String, isAsked: Bool) throws {
        let node = try node(at: server)
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .closestPeers(key)))) { request in
            guard request.peer != node.peer(100) else { return nil }
            return (try? peer(node, 100, [named])).map { KademliaMessage(kind: .findNode, closerPeers: [$0]) }
        }
        #expect(effects.requests.contains { $0.peer == node.peer(100) } == isAsked)
    }

    /// A provider record, too, is judged by where it came from; what is left of it is stored.
    @Test(arguments: forged) func r13AProviderRecordNamesOnlyWhatItsSenderMay(address: String) throws {
        let node = try Harness()
        let origin = try Multiaddr("/ip4/9.9.9.9/tcp/50000")
        let alone = KademliaMessage(kind: .addProvider, key: key, providerPeers: [try peer(node, 5, [address])])
        #expect(node.ask(alone, from: 5, at: origin).refusal == .noAddresses)
        let both = try peer(node, 5, [address, "/ip4/9.9.9.9/tcp/4001"])
        #expect(
            node.ask(KademliaMessage(kind: .addProvider, key: key, providerPeers: [both]), from: 5, at: origin)
                .hasNoReply)
        let told = node.ask(KademliaMessage(kind: .getProviders, key: key), from: 6).reply?.providerPeers
        #expect(told?.map(\.addresses) == [[try Multiaddr("/ip4/9.9.9.9/tcp/4001").bytes]])
    }

    /// The asker is told what it can use: addresses of a local network are nobody's business outside.
    @Test(arguments: [
        ("/ip4/192.168.1.5/tcp/50000", true), ("/ip4/127.0.0.1/tcp/50000", true), ("/ip4/8.8.8.8/tcp/50000", false),
    ])
    func r13InnerAddressesStayInside(asker: String, isTold: Bool) throws {
        let node = try Harness { $0.exemptsPrivateGroups = true }
        let inner = try Multiaddr("/ip4/192.168.1.9/tcp/4001")
        let asking = try Multiaddr(asker)
        let record = try peer(node, 5, [inner.description])
        node.ask(KademliaMessage(kind: .addProvider, key: key, providerPeers: [record]), from: 5, at: inner)
        // A client that is connected, and a server of the table.
        node.tell(.identified(node.peer(6), addresses: [inner], isServer: false, remote: inner))
        node.remotes[node.peer(7)] = inner
        node.run(node.tell(.identified(node.peer(7), addresses: [inner], isServer: true, remote: inner))) { _ in
            KademliaMessage(kind: .findNode)
        }
        func addresses(_ peers: [KademliaMessage.Peer]?) -> [[UInt8]] { (peers ?? []).flatMap(\.addresses) }
        let providers = node.ask(KademliaMessage(kind: .getProviders, key: key), from: 50, at: asking).reply
        #expect(addresses(providers?.providerPeers).contains(inner.bytes) == isTold)
        #expect(addresses(providers?.closerPeers).contains(inner.bytes) == isTold)
        for number in 6...7 {
            let found = node.ask(
                KademliaMessage(kind: .findNode, key: node.peer(number).bytes), from: 50, at: asking
            ).reply?.closerPeers
            #expect(addresses(found).contains(inner.bytes) == isTold, "\(number)")
        }
    }

    /// A client is told of only to peers of its own scope, wherever it says it is.
    @Test func r13AClientOfALocalNetworkIsNotToldOfOutside() throws {
        let node = try Harness { $0.exemptsPrivateGroups = true }
        let inner = try Multiaddr("/ip4/192.168.1.9/tcp/4001")
        let outer = try Multiaddr("/ip4/9.9.9.9/tcp/4001")
        node.tell(.identified(node.peer(6), addresses: [inner, outer], isServer: false, remote: inner))
        func told(_ asker: String) throws -> [[UInt8]] {
            node.ask(
                KademliaMessage(kind: .findNode, key: node.peer(6).bytes), from: 50, at: try Multiaddr(asker)
            ).reply?.closerPeers.first { $0.id == node.peer(6).bytes }?.addresses ?? []
        }
        #expect(try told("/ip4/8.8.8.8/tcp/1").isEmpty)
        #expect(try told("/ip4/192.168.1.5/tcp/1").contains(inner.bytes))
    }

    /// Where nobody knows from where it is asked, only what anybody may know is told and taken.
    @Test func r13AnUnknownOriginCountsAsOutside() throws {
        let node = try Harness { $0.exemptsPrivateGroups = true }
        let inner = try peer(node, 5, ["/ip4/192.168.1.9/tcp/4001"])
        let effects = node.tell(
            .request(
                Kademlia.InboundID(900), from: node.peer(5), address: nil,
                KademliaMessage(kind: .addProvider, key: key, providerPeers: [inner])))
        #expect(effects.refusal == .noAddresses)
    }
}
