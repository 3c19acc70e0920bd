import Multiformats
import PeerTransport
import PeerTransportNIO
import PeerTransportTestKit
import Testing

@Suite("TCP and WebSocket pass the suite for transports", .serialized)
struct TCPConformanceTests {
    @Test("each case over TCP, Ed25519 dials secp256k1", arguments: TransportConformance.Case.allCases)
    func tcp(_ testCase: TransportConformance.Case) async throws {
        try await Self.run(testCase, at: "/ip4/127.0.0.1/tcp/0")
    }

    @Test("each case over WebSocket, Ed25519 dials secp256k1", arguments: TransportConformance.Case.allCases)
    func webSocket(_ testCase: TransportConformance.Case) async throws {
        try await Self.run(testCase, at: "/ip4/127.0.0.1/tcp/0/ws")
    }

    private static func run(_ testCase: TransportConformance.Case, at address: String) async throws {
        let suite = TransportConformance {
            let listening = NodeIdentity.generateSecp256k1()
            let dialing = NodeIdentity.generateEd25519()
            return TransportPair(
                listening: try TCPTransport(identity: listening),
                listeningPeer: listening.peerID,
                listenAddress: try Multiaddr(address),
                dialing: try TCPTransport(identity: dialing),
                dialingPeer: dialing.peerID
            )
        }
        try await suite.run(testCase)
    }
}
