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

/// A score that halves with time, and the bans it leads to.
struct Reputation: Sendable, Hashable {
    private var score = 0.0
    private var scoredAt = Duration.zero
    private var bannedUntil: Duration?
    private var bans = 0

    /// Adds to the score.
    ///
    /// - Returns: How long the peer is banned, if this led to a ban.
    mutating func add(_ points: Double, limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration)
        -> Duration?
    {
        score = value(limits: limits, at: time) + points
        scoredAt = time
        guard score >= limits.banScore, !isBanned(at: time) else { return nil }
        var length = limits.firstBan
        for _ in 0..<min(bans, 32) where length < limits.longestBan { length *= 2 }
        length = min(length, limits.longestBan)
        bannedUntil = time + length
        bans += 1
        score = 0
        return length
    }

    func isBanned(at time: Duration) -> Bool {
        guard let bannedUntil else { return false }
        return time < bannedUntil
    }

    /// Whether nothing of it matters any more.
    func isClean(limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) -> Bool {
        guard !isBanned(at: time) else { return false }
        // A ban that ended is remembered, so that the next one is longer, for as long again as the longest ban.
        if let bannedUntil, time < bannedUntil + limits.longestBan { return false }
        return value(limits: limits, at: time) < 1
    }

    func value(limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) -> Double {
        guard score > 0 else { return 0 }
        let halves = (time - scoredAt).inSeconds / limits.scoreHalfLife.inSeconds
        guard halves > 0 else { return score }
        if halves > 60 { return 0 }
        // 2^-halves by repeated halving and a linear last part: close enough for a score, and needs no maths library.
        var value = score
        let whole = Int(halves)
        for _ in 0..<whole { value /= 2 }
        return value * (1 - (halves - Double(whole)) / 2)
    }
}
