import WireCodec

/// What became of the attempts so far.
struct AttemptHistory: Hashable, Sendable {
    /// How many later attempts each signer raised.
    private var raised: [Int: Int] = [:]
    /// The attempts that ended early.
    private(set) var earlyEnds: [EarlyEnd] = []
    /// How many attempts lasted at least half their deadline here: each doubles the time.
    private var timeouts = 0

    /// How many later attempts a signer raised.
    func attemptsRaised(by signer: Int) -> Int { raised[signer] ?? 0 }

    mutating func noteRaised(by signer: Int) {
        raised[signer, default: 0] += 1
    }

    mutating func noteEarlyEnd(_ end: EarlyEnd) {
        earlyEnds.append(end)
    }

    /// Judges how long the attempt that ends has lasted here.
    ///
    /// At least half of the deadline that runs: the time of the next attempts is doubled. Less than half of the
    /// descriptor's own time: it ended early. (Not of the doubled time: the doublings of a signer that came back begin
    /// anew, and its timeouts are no storm.)
    ///
    /// - Parameters:
    ///   - lasted: How long it has lasted.
    ///   - deadlineLength: How long the column that is waited for may take; nil if it has no deadline.
    ///   - time: The descriptor's own time for it.
    /// - Returns: Whether it ended early.
    mutating func noteEnd(after lasted: Duration, deadlineLength: Duration?, time: Duration) -> Bool {
        if let deadlineLength, lasted >= deadlineLength / 2 { timeouts += 1 }
        return lasted < time / 2
    }

    /// A signer that gave no reason for raising the last attempt only followed another one, which is named in its place.
    ///
    /// - Parameters:
    ///   - follower: The signer that was named.
    ///   - signer: The other one.
    ///   - restart: Why, as that one says.
    ///   - endedEarly: The attempt that ended early for it, if it did.
    mutating func rename(_ follower: Int, to signer: Int, _ restart: Restart, endedEarly: UInt32?) {
        raised[follower, default: 1] -= 1
        raised[signer, default: 0] += 1
        guard let last = earlyEnds.last, last.by == follower, last.attempt == endedEarly else { return }
        earlyEnds[earlyEnds.count - 1] = EarlyEnd(
            attempt: last.attempt, by: signer, reason: restart.reason,
            contextDiffers: restart.contextDiffers.map { Int($0) })
    }

    /// How long a column may take: the descriptor's time, doubled with each attempt that lasted at least half its deadline.
    ///
    /// - Parameters:
    ///   - base: The descriptor's time.
    ///   - ceiling: The longest time.
    ///   - isFollower: Whether this signer waits for a coordinator, which has a deadline of its own: half as much again.
    /// - Returns: The time, at most the ceiling.
    func deadlineLength(_ base: Duration, ceiling: Duration, isFollower: Bool) -> Duration {
        var time = base
        for _ in 0..<min(timeouts, 64) where time < ceiling { time += time }
        if isFollower { time += time / 2 }
        return min(time, ceiling)
    }

    /// Which signers raised the attempts that ended early, for the others: this signer's statement.
    var earlyEndsInWords: String {
        func counted(_ indices: [Int]) -> String {
            let counts = indices.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(16)
                .map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
        }
        let differing = earlyEnds.flatMap(\.contextDiffers)
        return "attempts raised by signer \(counted(earlyEnds.map(\.by)))"
            + (differing.isEmpty ? "" : "; context differed of signer \(counted(differing))")
    }
}
