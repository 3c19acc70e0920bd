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
