/// Tokens that come back with time: what a peer or a key may still cost.
struct TokenBucket: Sendable, Hashable {
    private var tokens: Double
    private var filledAt: Duration

    init(full size: MuSig2Coordinator.Configuration.BucketSize, at time: Duration) {
        tokens = size.burst
        filledAt = time
    }

    /// Takes tokens if there are enough.
    mutating func take(_ cost: Double, size: MuSig2Coordinator.Configuration.BucketSize, at time: Duration) -> Bool {
        refill(size: size, at: time)
        guard tokens >= cost else { return false }
        tokens -= cost
        return true
    }

    /// Takes tokens if so many are left, and owes what is missing: nothing can be taken until time has given that back.
    mutating func take(
        _ cost: Double, ifLeft least: Double, size: MuSig2Coordinator.Configuration.BucketSize, at time: Duration
    ) -> Bool {
        refill(size: size, at: time)
        guard tokens >= least else { return false }
        tokens -= cost
        return true
    }

    /// Gives tokens back, or more than time would; never above the burst.
    mutating func give(_ tokens: Double, size: MuSig2Coordinator.Configuration.BucketSize, at time: Duration) {
        refill(size: size, at: time)
        self.tokens = min(size.burst, self.tokens + tokens)
    }

    /// How many tokens there are.
    mutating func left(size: MuSig2Coordinator.Configuration.BucketSize, at time: Duration) -> Double {
        refill(size: size, at: time)
        return tokens
    }

    /// Whether the bucket has come back to its burst, so that forgetting it changes nothing.
    mutating func isFull(size: MuSig2Coordinator.Configuration.BucketSize, at time: Duration) -> Bool {
        refill(size: size, at: time)
        return tokens >= size.burst
    }

    private mutating func refill(size: MuSig2Coordinator.Configuration.BucketSize, at time: Duration) {
        guard time > filledAt else { return }
        tokens = min(size.burst, tokens + (time - filledAt).inSeconds * size.perSecond)
        filledAt = time
    }
}

extension Duration {
    /// The duration in seconds.
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
