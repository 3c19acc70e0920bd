import MuSig2Session
import Secp256k1

/// What one signer key may still cost, whatever peers it uses.
struct KeyBuckets: Sendable, Hashable {
    var messages: TokenBucket
    var signatureChecks: TokenBucket

    init(limits: Configuration.AbuseLimits, at time: Duration) {
        messages = TokenBucket(full: limits.messages, at: time)
        signatureChecks = TokenBucket(full: limits.signatureChecks, at: time)
    }

    mutating func take(limits: Configuration.AbuseLimits, checks: Int, at time: Duration) -> Bool {
        guard messages.take(1, size: limits.messages, at: time) else { return false }
        return signatureChecks.take(checks, size: limits.signatureChecks, at: time)
    }

    mutating func isFull(limits: Configuration.AbuseLimits, at time: Duration) -> Bool {
        messages.isFull(size: limits.messages, at: time)
            && signatureChecks.isFull(size: limits.signatureChecks, at: time)
    }
}
