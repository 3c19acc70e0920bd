import MuSig2Session
import Secp256k1

/// What the signer keys may still cost, whatever peers they use.
struct SignerBudgets: Sendable {
    private var buckets: [PublicKey: KeyBuckets] = [:]
    private let limits: MuSig2Coordinator.Configuration.AbuseLimits

    init(limits: MuSig2Coordinator.Configuration.AbuseLimits) {
        self.limits = limits
    }

    /// Takes what a message of a key costs.
    ///
    /// - Returns: Whether the key may cost that.
    mutating func take(_ work: Double, of key: PublicKey, mayOwe: Bool, at time: Duration) -> Bool {
        buckets[key, default: KeyBuckets(limits: limits, at: time)]
            .take(work, mayOwe: mayOwe, limits: limits, at: time)
    }

    mutating func give(_ work: Double, to key: PublicKey, at time: Duration) {
        buckets[key, default: KeyBuckets(limits: limits, at: time)].give(work, limits: limits, at: time)
    }

    /// Forgets the keys that would lose nothing by that.
    mutating func sweep(at time: Duration) {
        buckets = buckets.filter { pair in
            var buckets = pair.value
            return !buckets.isFull(limits: limits, at: time)
        }
    }
}

/// What one signer key may still cost.
private struct KeyBuckets: Sendable, Hashable {
    var messages: TokenBucket
    var signatureChecks: TokenBucket

    init(limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) {
        messages = TokenBucket(full: limits.messages, at: time)
        signatureChecks = TokenBucket(full: limits.signatureChecks, at: time)
    }

    mutating func take(
        _ work: Double, mayOwe: Bool, limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration
    ) -> Bool {
        let size = limits.signatureChecks
        let least = mayOwe ? min(work, size.burst / 2) : work
        return messages.take(1, size: limits.messages, at: time)
            && signatureChecks.take(work, ifLeft: least, size: size, at: time)
    }

    mutating func give(_ work: Double, limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) {
        signatureChecks.give(work, size: limits.signatureChecks, at: time)
    }

    mutating func isFull(limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) -> Bool {
        messages.isFull(size: limits.messages, at: time)
            && signatureChecks.isFull(size: limits.signatureChecks, at: time)
    }
}
