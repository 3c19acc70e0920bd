import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO

struct Shout: ProtocolHandler {
    let name = "shout"
    let protocolIDs: [ProtocolID] = ["/shout/1.0.0"]

    func handle(_ inbound: NegotiatedStream, from peer: PeerID) async {
        do {
            while let bytes = try await inbound.stream.read(upTo: 4096) {
                try await inbound.stream.write(Array(String(decoding: bytes, as: UTF8.self).uppercased().utf8))
            }
            try await inbound.stream.closeWrite()
        } catch {
            inbound.stream.reset()
        }
    }
}

let server = try PeerNode(identity: try .loadOrCreate(at: "server.key"))
try server.register(Shout())
let addresses = try await server.listen(on: [Multiaddr("/ip4/127.0.0.1/tcp/0")])

let client = try PeerNode(identity: .generateEd25519())
try await client.connect(to: server.localPeer, addresses: addresses)
let opened = try await client.openStream(to: server.localPeer, protocols: ["/shout/1.0.0"])
try await opened.stream.write(Array("hello".utf8))
print(String(decoding: try await opened.stream.read(upTo: 4096) ?? [], as: UTF8.self))  // HELLO

func frames(_ client: PeerNode, _ server: PeerNode, _ addresses: [Multiaddr]) async throws {
    let there = try NodePeerNetwork(node: server, configuration: .init(protocolID: "/my-frames/1.0.0"))
    let here = try NodePeerNetwork(node: client, configuration: .init(protocolID: "/my-frames/1.0.0"))
    here.connect(to: server.localPeer, addresses: addresses)
    print(await here.nextEvents())  // connected
    here.send([1, 2, 3], to: server.localPeer)
    print(await there.nextEvents())  // connected, and the frame, now or with the next call
    await here.shutdown()
    await there.shutdown()
}

func lossyNetwork(_ aliceID: PeerID, _ bobID: PeerID) async {
    let network = InMemoryNetwork(seed: 42, plan: FaultPlan(loss: 0.1, delay: .milliseconds(5) ... .milliseconds(50)))
    let (alice, bob) = (network.endpoint(for: aliceID), network.endpoint(for: bobID))
    alice.connect(to: bobID, addresses: [])
    network.clock.advance(by: .seconds(1))
    let events = await bob.nextEvents()
    precondition(events == [.connected(aliceID)])
}

func meetInATable() async throws {
    let meeting = try PeerNode(identity: .generateEd25519())
    let addresses = try await meeting.listen(on: [Multiaddr("/ip4/127.0.0.1/tcp/0")])
    try meeting.startDHT(NodeDHT.Configuration(mode: .server, prefix: "/my-network"))

    let (alice, bob) = (try PeerNode(identity: .generateEd25519()), try PeerNode(identity: .generateEd25519()))
    for node in [alice, bob] {
        try await node.listen(on: [Multiaddr("/ip4/127.0.0.1/tcp/0")])
        try node.startDHT(NodeDHT.Configuration(mode: .client, prefix: "/my-network", bootstrap: addresses))
    }
    let key: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)  // the SHA-256 multihash of what both know
    try await alice.dht?.publish(key, for: .seconds(3_600))
    let found = try await bob.dht?.lookup(key, limit: 20) ?? []
    print(found)  // Alice, and where she is
    for peer in found { try await bob.connect(to: peer.peer, addresses: peer.addresses) }
    precondition(bob.isConnected(to: alice.localPeer))
    for node in [alice, bob, meeting] { await node.shutdown() }
}

try await frames(client, server, addresses)
try await meetInATable()
await lossyNetwork(client.localPeer, server.localPeer)
await client.shutdown()
await server.shutdown()
print("a protocol, frames, a DHT and a lossy network, with \(server.localPeer)")
