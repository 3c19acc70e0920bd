import Multiformats
import PeerTransportNIO
import WireCodec

/// Addresses that a peer has signed (libp2p RFC 0003), checked: the key, the record and the peer agree.
struct CertifiedAddresses: Equatable {
    /// Rises from record to record of one peer.
    var sequence: UInt64
    /// Binary multiaddrs, as they were signed.
    var addresses: [[UInt8]]

    /// What a signed envelope is worth.
    enum Verdict: Equatable {
        /// The peer's own record.
        case valid(CertifiedAddresses)
        /// Nothing: not a record, of an unknown kind, or with a signature that does not hold. Some implementations sign
        /// under another domain, so this is no proof of bad will.
        case worthless(String)
        /// A record that another peer made, or that was made for another peer.
        case anotherPeers
    }

    /// Checks an envelope that was received from `peer`.
    static func verdict(on envelopeBytes: [UInt8], from peer: PeerID) -> Verdict {
        let envelope: SignedEnvelope
        let record: PeerRecord
        let key: PublicKeyProtobuf
        do throws(WireError) {
            envelope = try SignedEnvelope(decoding: envelopeBytes)
            guard envelope.payloadType == PeerRecord.payloadType else {
                return .worthless("another payload type")
            }
            record = try PeerRecord(decoding: envelope.payload)
        } catch {
            return .worthless("\(error)")
        }
        do throws(KeyProtobufError) {
            key = try PublicKeyProtobuf(bytes: envelope.publicKey)
        } catch {
            return .worthless("\(error)")
        }
        guard record.peerID == peer.bytes, IdentityVerification.isKey(key, of: peer) else { return .anotherPeers }
        do throws(NodeIdentityError) {
            let signed = envelope.signedBytes(domain: PeerRecord.domain)
            guard try IdentityVerification.isValidSignature(envelope.signature, for: signed, by: key) else {
                return .worthless("the signature does not hold")
            }
        } catch {
            return .worthless("\(error)")
        }
        return .valid(CertifiedAddresses(sequence: record.sequence, addresses: record.addresses))
    }

    /// Signs addresses.
    ///
    /// - Returns: The bytes of the envelope.
    static func envelope(
        _ addresses: [Multiaddr],
        sequence: UInt64,
        by identity: NodeIdentity
    ) throws(NodeIdentityError) -> [UInt8] {
        let record = PeerRecord(
            peerID: identity.peerID.bytes, sequence: sequence, addresses: addresses.map(\.bytes))
        var envelope = SignedEnvelope(
            publicKey: identity.publicKey.bytes, payloadType: PeerRecord.payloadType, payload: record.encoded(),
            signature: [])
        envelope.signature = try identity.signature(for: envelope.signedBytes(domain: PeerRecord.domain))
        return envelope.encoded()
    }
}
