import MuSig2Session
import Secp256k1

/// What one signer key may still cost, whatever peers it uses.
struct KeyBuckets: Sendable, Hashable {
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
