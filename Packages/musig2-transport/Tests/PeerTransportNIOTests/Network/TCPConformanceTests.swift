import Multiformats
import PeerTransport
import PeerTransportNIO
import PeerTransportTestKit
import Testing

@Suite("TCP passes the suite for transports", .serialized)
struct TCPConformanceTests {
    @Test("each case, Ed25519 dials secp256k1", arguments: TransportConformance.Case.allCases)
    func passes(_ testCase: TransportConformance.Case) async throws {
        let suite = TransportConformance {
            let listening = NodeIdentity.generateSecp256k1()
            let dialing = NodeIdentity.generateEd25519()
            return TransportPair(
                listening: try TCPTransport(identity: listening),
                listeningPeer: listening.peerID,
                listenAddress: try Multiaddr("/ip4/127.0.0.1/tcp/0"),
                dialing: try TCPTransport(identity: dialing),
                dialingPeer: dialing.peerID
            )
        }
        try await suite.run(testCase)
    }
}
