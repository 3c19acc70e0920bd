import Foundation

/// What one step took, and what the peer took for the same in the same minutes.
struct Measurement {
    /// The step, such as `KeyAgg`.
    var step: String
    /// How many signers, or whatever else the step is measured for.
    var parameter: String
    /// The figure, in the unit; of times the median of the rounds where nothing else is said.
    var value: Double
    /// What the figure counts.
    var unit = Unit.microseconds
    /// The peer's figure in the same unit; nil without a peer.
    var peerValue: Double?
    /// Ours divided by the peer's, median of the rounds' ratios.
    var ratio: Double?
    /// What the figure shall be; nil where there is no target.
    var target: Target?

    /// What a figure counts.
    enum Unit: String {
        case microseconds = "us"
        case milliseconds = "ms"
        case perSecond = "/s"
        case megabytesPerSecond = "MB/s"
        case megabytes = "MB"
        /// What a peer is charged, in signature checks.
        case tokens
        /// A number of things.
        case count = ""
        /// Of one core's time.
        case percent = "%"
    }

    /// What a figure shall be.
    enum Target {
        /// Ours divided by the peer's, at most.
        case ratio(Double)
        /// Ours divided by the peer's, at least.
        case ratioAtLeast(Double)
        /// The figure, at most.
        case atMost(Double)
        /// The figure, at least.
        case atLeast(Double)
    }

    /// Whether the target is met; nil without a target, or where a peer is missing.
    var isMet: Bool? {
        switch self.target {
        case .ratio(let most): self.ratio.map { $0 <= most }
        case .ratioAtLeast(let least): self.ratio.map { $0 >= least }
        case .atMost(let most): self.value <= most
        case .atLeast(let least): self.value >= least
        case nil: nil
        }
    }
}

/// Measures steps in rounds: some runs of ours, then some of the peer's, so that both see the same machine.
struct Stopwatch {
    /// Rounds, of which the median counts.
    var rounds = 101
    /// What a round of ours should take.
    var roundLength: Duration = .milliseconds(3)

    /// Measures a step.
    ///
    /// - Parameters:
    ///   - mostRuns: Runs in a round at most.
    ///   - prepare: Called before each round with the number of runs, outside the time that counts.
    ///   - run: Runs the step as often as it is told.
    ///   - peer: Runs the peer's step as often as it is told, and says how many nanoseconds that took.
    /// - Returns: Microseconds of ours, of the peer's, and the ratio.
    /// - Throws: What the closures throw.
    func measure(
        mostRuns: Int = 5_000,
        prepare: (Int) throws -> Void = { _ in },
        run: (Int) throws -> Void,
        peer: ((Int) throws -> Int64)? = nil
    ) throws -> (ours: Double, peer: Double?, ratio: Double?) {
        try prepare(1)
        let first = try self.time { try run(1) }
        let count = max(1, min(mostRuns, Int(self.roundLength / max(first, .nanoseconds(100)))))
        var ours: [Double] = []
        var peers: [Double] = []
        for round in 0..<self.rounds {
            try prepare(count)
            // Who goes first changes, so that neither always meets the machine as the other left it.
            let isPeerFirst = round % 2 == 1
            if let peer, isPeerFirst {
                peers.append(Double(try peer(count)) / 1_000 / Double(count))
            }
            ours.append(try self.time { try run(count) } / .microseconds(1) / Double(count))
            if let peer, !isPeerFirst {
                peers.append(Double(try peer(count)) / 1_000 / Double(count))
            }
        }
        guard peer != nil else { return (median(ours), nil, nil) }
        return (median(ours), median(peers), median(zip(ours, peers).map { $0 / $1 }))
    }

    /// What this thread spent on the body: on a machine that does other things as well, the clock on the wall measures
    /// those too.
    private func time(_ body: () throws -> Void) rethrows -> Duration {
        let start = threadTime()
        try body()
        return threadTime() - start
    }
}

/// The processor time that this thread has used.
private func threadTime() -> Duration { time(of: CLOCK_THREAD_CPUTIME_ID) }

/// The processor time that all threads of this process have used.
func processorTime() -> Duration { time(of: CLOCK_PROCESS_CPUTIME_ID) }

private func time(of clock: clockid_t) -> Duration {
    var time = timespec()
    clock_gettime(clock, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// The middle of some numbers; 0 for none.
func median(_ numbers: some Sequence<Double>) -> Double {
    let sorted = numbers.sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// The number below which a share of some numbers lies, by the nearest rank; 0 for none.
func percentile(_ share: Double, of numbers: [Double]) -> Double {
    let sorted = numbers.sorted()
    guard !sorted.isEmpty else { return 0 }
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
}
