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

/// The key under which the providers of a session are found on a day.
///
/// It hides the session: who does not know the id can neither compute it nor tell that two days belong together.
struct RendezvousKey: Sendable, Hashable {
    /// The multihash: `12 20`, then H(rendezvous, session id ‖ day).
    let bytes: [UInt8]

    /// The key of a session on a day.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - day: Unix seconds divided by 86,400.
    init(session: SessionID, day: UInt32) {
        let dayBytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: day >> $0) }
        bytes = [0x12, 0x20] + Tag.rendezvous.hash(session.bytes + dayBytes).bytes
    }

    /// The day of a moment.
    static func day(of now: Now) -> UInt32 {
        UInt32(truncatingIfNeeded: now.wallMilliseconds / 86_400_000)
    }
}
