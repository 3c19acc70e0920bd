import Crypto
import Testing

@testable import PeerNoise
@testable import PeerTransportNIO

@Suite("Peers that were checked before")
struct ProvenPeersTests {
    private static func remote(_ identity: NodeIdentity) throws -> NoiseHandshake.Remote {
        let credentials = try NoiseCredentials(identity: identity, muxers: [])
        return NoiseHandshake.Remote(
            staticKey: Array(credentials.staticKey.publicKey.rawRepresentation), payload: credentials.payload)
    }

    @Test("only what was found right is remembered: another payload, or another static key, is checked")
    func remembered() throws {
        let proven = ProvenPeers()
        let identity = NodeIdentity.generateEd25519()
        let remote = try Self.remote(identity)
        for _ in 0..<2 { #expect(try proven.peer(remote).peerID == identity.peerID) }
        #expect(proven.count == 1)
        let other = try Self.remote(.generateEd25519())
        // An identity that never signed this static key, and a static key that it never signed.
        for forged in [
            NoiseHandshake.Remote(staticKey: remote.staticKey, payload: other.payload),
            NoiseHandshake.Remote(staticKey: other.staticKey, payload: remote.payload),
        ] {
            for _ in 0..<2 { #expect(throws: NoiseError.invalidIdentitySignature) { try proven.peer(forged) } }
        }
        #expect(proven.count == 1)
        #expect(try proven.peer(remote).peerID == identity.peerID)
    }

    @Test("the oldest are forgotten, and long payloads not remembered")
    func bounded() throws {
        let proven = ProvenPeers()
        let first = try Self.remote(.generateEd25519())
        _ = try proven.peer(first)
        for _ in 0..<ProvenPeers.capacity { _ = try proven.peer(Self.remote(.generateEd25519())) }
        #expect(proven.count == ProvenPeers.capacity)
        _ = try proven.peer(first)
        #expect(proven.count == ProvenPeers.capacity)
        let muxers = (0..<100).map { "/muxer-\($0)/1.0.0" }
        let credentials = try NoiseCredentials(identity: .generateEd25519(), muxers: muxers)
        let long = NoiseHandshake.Remote(
            staticKey: Array(credentials.staticKey.publicKey.rawRepresentation), payload: credentials.payload)
        let few = ProvenPeers()
        _ = try few.peer(long)
        #expect(long.payload.count > ProvenPeers.maximumPayload && few.count == 0)
    }
}
