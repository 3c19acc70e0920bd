import MuSig2Session
import Multiformats
import Secp256k1

/// What both sides of a HELLO hash and sign: secret ‖ provider's peer id ‖ joiner's peer id ‖ a ‖ b.
///
/// Both peer ids are those that the connection proved, so that neither proof can be carried to another connection.
struct HelloTranscript: Sendable, Hashable {
    /// The session id, or for an inbox the x coordinate of the message key.
    var secret: Hash32
    var provider: PeerID
    var joiner: PeerID
    var a: Hash32
    var b: Hash32

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(3 * 32 + 2 + provider.bytes.count + 2 + joiner.bytes.count)
        bytes += secret.bytes
        for id in [provider, joiner] {
            // A peer id is at most 64 bytes, so the length fits.
            let count = UInt16(truncatingIfNeeded: id.bytes.count)
            bytes += [UInt8(count >> 8), UInt8(count & 0xff)]
            bytes += id.bytes
        }
        bytes += a.bytes
        bytes += b.bytes
        return bytes
    }

    /// What the provider shows to prove that it knows the secret.
    var providerProof: Hash32 { Tag.helloProvider.hash(bytes) }
}
