import Crypto
import Multiformats
import PeerNoise
package import PeerTransportNIO
import WireCodec

/// Who a plain client is, with the signature made beforehand.
package struct PlainIdentity: Sendable {
    /// Makes the other side choose the multiplexer inside the handshake, or by multistream after it.
    package enum Muxer: Sendable {
        case early
        case multistream
    }

    static let yamux = "/yamux/1.0.0"
    static let signatureDomain = Array("noise-libp2p-static-key:".utf8)

    let staticKey = Curve25519.KeyAgreement.PrivateKey()
    let payload: [UInt8]
    let muxer: Muxer

    package init(_ identity: NodeIdentity = .generateEd25519(), muxer: Muxer) throws {
        let signed = Self.signatureDomain + self.staticKey.publicKey.rawRepresentation
        self.payload = NoisePayload(
            identityKey: identity.publicKey.bytes, identitySignature: try identity.signature(for: signed),
            streamMuxers: muxer == .early ? [Self.yamux] : []
        ).encoded()
        self.muxer = muxer
    }

    /// Checks who the other side is, as every client must.
    ///
    /// - Returns: Whether it offers yamux inside the handshake.
    static func check(_ remote: NoiseHandshake.Remote) throws -> Bool {
        let payload = try NoisePayload(decoding: remote.payload)
        let key = try PublicKeyProtobuf(bytes: payload.identityKey)
        let signed = Self.signatureDomain + remote.staticKey
        guard try IdentityVerification.isValidSignature(payload.identitySignature, for: signed, by: key) else {
            throw PlainError("the other side's identity did not sign its Noise key")
        }
        return payload.streamMuxers.contains(Self.yamux)
    }
}
