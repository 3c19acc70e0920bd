import Logging
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import PeerTransportTestKit
import Testing

/// The node and its network over real sockets, on the loopback interface.
@Suite(.serialized) struct NodeOverTCPTests {
    private static func node(_ identity: NodeIdentity = .generateEd25519()) async throws -> PeerNode {
        let node = try PeerNode(
            identity: identity,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await node.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")])
        return node
    }

    private static func network(
        _ identity: NodeIdentity = .generateEd25519(),
        _ change: (inout NodePeerNetwork.Configuration) -> Void = { _ in }
    ) async throws -> NodePeerNetwork {
        var configuration = NodePeerNetwork.Configuration(protocolID: "/test-frames/1.0.0")
        change(&configuration)
        return try NodePeerNetwork(node: try await node(identity), configuration: configuration)
    }

    @Test(arguments: NetworkConformance.Case.allCases)
    func conformance(_ testCase: NetworkConformance.Case) async throws {
        try await NetworkConformance {
            // A port that was free a moment ago and has no listener any more.
            let gone = try await Self.node()
            let addresses = gone.addresses
            await gone.shutdown()
            return NetworkPair(
                first: try await Self.network(),
                second: try await Self.network(.generateSecp256k1()),
                unreachable: gone.localPeer,
                unreachableAddresses: addresses
            )
        }.run(testCase)
    }

    /// A peer that says something and is gone has said it, however late the consumer looks.
    @Test func whatCameBeforeTheEndOfAConnectionIsHeard() async throws {
        let speaker = try await Self.network()
        let listener = try await Self.network {
            $0.events = PeerEventQueue.Limits(framesPerPeer: 1)
            $0.lingerTimeout = .seconds(60)
        }
        let observer = NotingObserver()
        _ = listener.node.addObserver(observer)
        speaker.connect(to: listener.localPeer, addresses: listener.addresses)
        #expect(await speaker.nextEvents() == [.connected(listener.localPeer)])
        #expect(await listener.nextEvents() == [.connected(speaker.localPeer)])
        // Streams both ways are open: a speaker without one to read would reset the other at once.
        listener.send([99], to: speaker.localPeer)
        #expect(await speaker.nextEvents() == [.frame([99], from: listener.localPeer)])
        let frames = (UInt8(0)..<20).map { [$0] }
        for frame in frames { speaker.send(frame, to: listener.localPeer) }
        await speaker.node.disconnect(listener.localPeer)
        let end = await observer.first { $0 == .disconnected(speaker.localPeer) ? true : nil }
        #expect(end == true)
        var heard: [PeerNetworkEvent] = []
        while heard.last != .disconnected(speaker.localPeer) { heard += await listener.nextEvents() }
        #expect(heard.dropLast() == frames.map { .frame($0, from: speaker.localPeer) }[...])
        await speaker.node.shutdown()
        await listener.node.shutdown()
    }

    @Test func aPortInUseIsNamed() async throws {
        let one = try await Self.node()
        let address = try #require(one.addresses.first?.withoutPeerID)
        let two = try await Self.node()
        let error = await #expect(throws: TransportError.self) { try await two.listen(on: [address]) }
        #expect(error?.code == .addressInUse)
        #expect(error?.message.contains("\(address)") == true)
        await one.shutdown()
        await two.shutdown()
    }

    /// What a node says of itself can be dialled, also when it listens on all interfaces.
    @Test func allInterfacesAreNamed() async throws {
        let (one, two) = (try await Self.node(), try await Self.node())
        let listening = try await two.listen(on: [try Multiaddr("/ip4/0.0.0.0/tcp/0")])
        #expect(!listening.isEmpty)
        for address in listening {
            #expect(!address.isUnspecified, "\(address)")
            #expect(address.peerID == two.localPeer)
            if case .tcp(let port)? = address.components.dropFirst().first { #expect(port != 0) }
        }
        #expect(two.addresses.suffix(listening.count) == listening[...])
        #expect(try await one.connect(to: try #require(listening.first)) == two.localPeer)
        await one.shutdown()
        await two.shutdown()
    }

    @Test func theWrongPeerIsNamed() async throws {
        let (one, two) = (try await Self.node(), try await Self.node())
        let address = try #require(two.addresses.first?.withoutPeerID)
        let expected = NodeIdentity.generateEd25519().peerID
        let error = await #expect(throws: TransportError.self) {
            try await one.connect(to: expected, addresses: [address])
        }
        #expect(error?.code == .peerMismatch)
        #expect(error?.message.contains("\(expected)") == true && error?.message.contains("\(two.localPeer)") == true)
        await one.shutdown()
        await two.shutdown()
    }
}
