import Crypto
import Multiformats
import PeerNoise
import WireCodec

/// What one process shows in its Noise handshakes: a static key and the payload that vouches for it.
///
/// Made once, because the signature is the dear part; the key pair of each single handshake is fresh.
struct NoiseCredentials {
    /// Signed together with the static key (libp2p noise specification, "The libp2p handshake payload").
    static let signatureDomain = Array("noise-libp2p-static-key:".utf8)

    let staticKey: Curve25519.KeyAgreement.PrivateKey
    let muxers: [String]
    let payload: [UInt8]
    /// The peers that need not be checked again.
    let proven = ProvenPeers()

    /// - Parameters:
    ///   - identity: The identity that signs.
    ///   - muxers: the muxers to offer inside the handshake, best first; none leaves the choice to multistream.
    ///   - staticKey: only tests give one.
    /// - Throws: `NodeIdentityError` when the identity cannot sign.
    init(
        identity: NodeIdentity, muxers: [String], staticKey: Curve25519.KeyAgreement.PrivateKey = .init()
    ) throws(NodeIdentityError) {
        try self.init(
            publicKey: identity.publicKey, muxers: muxers, staticKey: staticKey, sign: identity.signature(for:))
    }

    /// The same for a key that no node here can have; only tests need it.
    init<Failure: Error>(
        publicKey: PublicKeyProtobuf, muxers: [String], staticKey: Curve25519.KeyAgreement.PrivateKey = .init(),
        sign: ([UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        self.staticKey = staticKey
        self.muxers = muxers
        let signed = Self.signatureDomain + Array(staticKey.publicKey.rawRepresentation)
        payload = NoisePayload(
            identityKey: publicKey.bytes, identitySignature: try sign(signed), streamMuxers: muxers
        ).encoded()
    }
}

/// The peer that the other side of a handshake has proven to be.
struct NoisePeer: Equatable {
    let peerID: PeerID
    let publicKey: PublicKeyProtobuf
    /// The muxers it offers, best first.
    let muxers: [String]

    /// Checks the payload of the other side against the static key it has proven to hold.
    init(_ remote: NoiseHandshake.Remote) throws(NoiseError) {
        let payload: NoisePayload
        do throws(WireError) {
            payload = try NoisePayload(decoding: remote.payload)
        } catch {
            throw .malformedPayload("\(error)")
        }
        let key: PublicKeyProtobuf
        do throws(KeyProtobufError) {
            key = try PublicKeyProtobuf(bytes: payload.identityKey)
        } catch {
            throw .unsupportedIdentity("\(error)")
        }
        let signed = NoiseCredentials.signatureDomain + remote.staticKey
        let isValid: Bool
        do throws(NodeIdentityError) {
            isValid = try IdentityVerification.isValidSignature(payload.identitySignature, for: signed, by: key)
        } catch {
            throw .unsupportedIdentity("\(error)")
        }
        guard isValid else { throw .invalidIdentitySignature }
        do throws(PeerIDError) {
            peerID = try PeerID(publicKey: key, sha256: { Array(SHA256.hash(data: $0)) })
        } catch {
            throw .unsupportedIdentity("\(error)")
        }
        publicKey = key
        muxers = payload.streamMuxers
    }
}
