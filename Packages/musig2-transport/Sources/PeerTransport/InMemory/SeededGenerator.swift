/// A small generator (SplitMix64) that follows from its seed: for tests and simulations only, never for keys or
/// nonces.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Makes a generator.
    ///
    /// - Parameter seed: What all numbers follow from.
    public init(seed: UInt64) {
        state = seed
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A seed of its own for a part of a simulation, so that what one part draws does not move the others.
    ///
    /// - Parameters:
    ///   - seed: The seed of the whole.
    ///   - name: What tells the part from others.
    /// - Returns: A seed that follows from both.
    static func seed(_ seed: UInt64, for name: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ seed
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }

    /// True in a given share of the calls.
    mutating func chance(_ probability: Double) -> Bool {
        guard probability > 0 else { return false }
        return Double(next() >> 11) * 0x1p-53 < probability
    }

    /// An evenly spread duration, to the microsecond.
    mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        guard range.lowerBound < range.upperBound else { return range.lowerBound }
        let (seconds, attoseconds) = (range.upperBound - range.lowerBound).components
        let span = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !span.overflow else { return range.lowerBound }
        let micros = span.partialValue &+ attoseconds / 1_000_000_000_000
        return range.lowerBound + .microseconds(Int64.random(in: 0...max(0, micros), using: &self))
    }
}
