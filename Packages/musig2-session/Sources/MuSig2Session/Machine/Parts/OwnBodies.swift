import Secp256k1
import WireCodec

/// The hashes of the bodies that this run asked to have signed. Other bytes in this run's name are of another process.
///
/// A JOIN, an ABORT and an EVIDENCE for each culprit belong to no attempt and are kept; of the attempts the newest are, since a session may
/// have many. What is older is judged neither way.
struct OwnBodies: Hashable, Sendable {
    /// The most attempts of which messages are known.
    static let attemptLimit = 256

    private var ofSession: Set<Hash32> = []
    private var ofAttempts: [UInt32: Set<Hash32>] = [:]
    /// Nothing is known of these attempts any more.
    private var forgotten: UInt32 = 0

    mutating func insert(_ hash: Hash32, attempt: UInt32) {
        guard attempt > 0 else {
            ofSession.insert(hash)
            return
        }
        ofAttempts[attempt, default: []].insert(hash)
        while ofAttempts.count > Self.attemptLimit, let oldest = ofAttempts.keys.min() {
            ofAttempts[oldest] = nil
            forgotten = max(forgotten, oldest)
        }
    }

    /// Whether this run cannot have made it.
    func isForeign(_ hash: Hash32, attempt: UInt32) -> Bool {
        if attempt == 0 { return !ofSession.contains(hash) }
        return attempt > forgotten && ofAttempts[attempt]?.contains(hash) != true
    }

    // Machines are told apart by what they hold now: what they once said follows from it but for attempts that are over.
    func hash(into hasher: inout Hasher) {}
}
