import Logging
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit
import Testing
import WireCodec

/// R16: servers of one network that answer and leave, and claim others.
@Suite(.serialized, .timeLimit(.minutes(1))) struct R16OriginTests {
    private let nodes = TestNodes()

    /// Answers one request, and is gone.
    private final class Leaver: ProtocolHandler {
        let name = "leaver"
        let protocolIDs = [DHTWorld.protocolID]
        let node: PeerNode

        init(_ node: PeerNode) throws {
            self.node = node
            try node.register(self)
        }

        func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
            do {
                _ = try await stream.stream.read(upTo: 65_536)
                try await stream.stream.write(
                    FrameEncoder.encode(KademliaMessage(kind: .findNode).encoded()))
                try await stream.stream.closeWrite()
            } catch {
                stream.stream.reset()
            }
            await node.disconnect(peer)
        }
    }

    /// Tells when a peer is gone.
    private final class Watch: PeerObserver {
        let gone = Event()
        func peerDisconnected(_ peer: PeerID) { gone.notify() }
    }

    @Test func r16FortyIdentitiesOfOneNetworkAreThreeServers() async throws {
        let node = try await nodes.node(1)
        let watch = Watch()
        node.addObserver(watch)
        // Where connections come from, here one place, counts in a network of public addresses.
        let dht = try node.startDHT(DHTWorld.configuration(.server) { $0.addresses = .public })
        for number in UInt8(10)..<50 {
            var configuration = PeerNode.Configuration()
            configuration.announcedAddresses = [try Multiaddr("/ip4/44.\(number).1.1/tcp/4001")]
            let liar = try await nodes.node(number, configuration: configuration)
            _ = try Leaver(liar)
            try await liar.connect(to: node.localPeer, addresses: node.addresses)
            while node.isConnected(to: liar.localPeer) { guard await watch.gone.wait() == .notified else { return } }
            await liar.shutdown()
        }
        #expect(dht.status.routingTableSize <= 3)
        await node.shutdown()
    }
}
