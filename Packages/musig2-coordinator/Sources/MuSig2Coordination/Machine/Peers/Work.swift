import MuSig2Session
import WireCodec

/// What the things that a peer may send cost their receiver at most, in signature checks; 4 points cost as much as one.
///
/// All of it is known before the work is done: by the kind of a thing, its size, and the numbers of its session. What a token buys takes
/// about the same time for each kind, as the benchmarks' group `abuse` measures it: otherwise a peer that picks the cheapest kind has the
/// most of a node for what it may spend at once.
enum Work {
    /// Decoding a frame, and looking at what is in it.
    static func frame(_ bytes: Int) -> Double { item + decoding(bytes) }

    /// Decoding so many bytes, or inflating them. A frame is decoded, and then what its signed messages say, of which the session knows what
    /// checking it costs.
    static func decoding(_ bytes: Int) -> Double { Double(bytes) / 8_192 }

    /// A SYNC: the session takes a step, and each entry is looked up.
    static func sync(_ sync: Sync) -> Double {
        step + Double(sync.wanted.reduce(sync.leaves.count) { $0 + $1.indices.count }) / 512
    }

    /// An announcement of a session that is not known: the creator's signature and all keys.
    static func announcement(_ announcement: Announcement) -> Double {
        let descriptor = announcement.descriptor
        return 1 + decoding(announcement.descriptorBytes.count)
            + points(descriptor.signerKeys.count + descriptor.messageKeys.count)
    }

    /// An item that costs a look and no more.
    static let item = 0.05

    /// An item that makes a session take a step.
    static let step = 0.5

    /// The first step of a HELLO: two hashes and a look.
    static let hello = 0.2

    /// Parsing points.
    static func points(_ count: Int) -> Double { Double(count) / Double(SessionLimits.pointsPerSignature) }

    /// What a signer of a session may cost at once beyond all else: its own part of some attempts, two of which it begins, so that nonces are
    /// drawn anew; and the JOINs of all others.
    static func ofSession(signers: Int, messages: Int) -> Double {
        32 + 2 * Double(signers) + 4 * (1 + points(2 * messages)) + 2 * Double(messages)
    }
}
