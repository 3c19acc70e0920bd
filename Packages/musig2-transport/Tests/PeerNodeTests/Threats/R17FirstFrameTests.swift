import PeerTransport
import PeerTransportTestKit
import Testing
import WireCodec

@testable import PeerNode

/// R17: streams on which no frame ever comes.
@Suite(.timeLimit(.minutes(1))) struct R17FirstFrameTests {
    private static let protocolID: ProtocolID = "/test-frames/1.0.0"
    private let nodes = TestNodes()
    private let clock = VirtualClock()

    private func network() async throws -> NodePeerNetwork {
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        configuration.identify.isEnabled = false
        return try NodePeerNetwork(
            node: try await nodes.node(1, configuration: configuration),
            configuration: NodePeerNetwork.Configuration(protocolID: Self.protocolID))
    }

    /// A stranger's stream of frames.
    private func stranger(
        to network: NodePeerNetwork, as number: UInt8
    ) async throws -> (connection: any Connection, stream: any ByteStream) {
        let transport = InMemoryTransport(peer: try testPeer(number), hub: nodes.hub)
        let connection = try await transport.dial(
            try #require(network.addresses.first), expecting: nil, accepting: { $0 == Self.protocolID })
        let stream = try await connection.openStream(protocols: [Self.protocolID]).stream
        #expect(await network.nextEvents() == [.connected(try testPeer(number))])
        return (connection, stream)
    }

    /// Left after the time limit, also when it opens stream after stream, or begins a frame and does not end it.
    @Test func r17AStreamWithoutAFrameHasALimit() async throws {
        let network = try await network()
        let silent = try await stranger(to: network, as: 2)
        try await silent.stream.write([200, 1, 2, 3])
        await clock.waitUntilScheduled()
        clock.advance(by: network.configuration.firstFrameTimeout - .seconds(1))
        #expect(network.node.isConnected(to: try testPeer(2)))
        _ = try await silent.connection.openStream(protocols: [Self.protocolID])
        clock.advance(by: .seconds(1))
        // The connection ends, whatever became of the second stream.
        #expect(await silent.connection.closed() == nil)
        while network.node.isConnected(to: try testPeer(2)) { await Task.yield() }
    }

    /// A peer by which a frame came stays, and so does one that is protected.
    @Test func r17AFrameOrProtectionLiftsTheLimit() async throws {
        let network = try await network()
        #expect(network.node.protect(try testPeer(3), for: "co-signer"))
        let (heard, signer) = (try await stranger(to: network, as: 2), try await stranger(to: network, as: 3))
        try await heard.stream.write(FrameEncoder.encode([7]))
        #expect(await network.nextEvents() == [.frame([7], from: try testPeer(2))])
        let silent = try await stranger(to: network, as: 4)
        await clock.waitUntilScheduled(3)
        clock.advance(by: network.configuration.firstFrameTimeout)
        // Whatever else was to go has gone by then.
        #expect(await network.nextEvents() == [.disconnected(try testPeer(4))])
        for number: UInt8 in [2, 3] { #expect(network.node.isConnected(to: try testPeer(number))) }
        withExtendedLifetime((heard, signer, silent)) {}
    }
}
