/// The machine's random choices: which bucket key to look for, when exactly to refresh. They follow from the seed, so that a
/// log of inputs replays the machine (SplitMix64). Nothing secret rests on them.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// An interval, up to a tenth shorter or longer, so that nodes that started together do not stay in step.
    mutating func jitter(_ interval: Duration) -> Duration {
        let range = Self.tenth(interval)
        return interval + .microseconds(Int64.random(in: -range...range, using: &self))
    }

    /// An interval, up to a tenth shorter: for what must not come too late.
    mutating func early(_ interval: Duration) -> Duration {
        interval - .microseconds(Int64.random(in: 0...Self.tenth(interval), using: &self))
    }

    /// A tenth of an interval in microseconds; none of one that is too long to count.
    private static func tenth(_ interval: Duration) -> Int64 {
        let tenth = (interval / 10).components
        let micros = tenth.seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !micros.overflow else { return 0 }
        return max(0, micros.partialValue &+ tenth.attoseconds / 1_000_000_000_000)
    }
}
