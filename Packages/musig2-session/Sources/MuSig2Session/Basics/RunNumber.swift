/// How a run is made: one life of a session's machine, below 2^63.
///
/// A number that no other life of this signer got, and 20 random bits, which keep two lives apart that got one number all the same: a store
/// and a clock that were set back, a fork, two imports. Numbers come in turn from blocks that a store has claimed.
public enum RunNumber {
    /// The random bits of a run. 20.
    public static let randomBits = 20

    /// Numbers are below this: 2^43.
    public static let limit: UInt64 = 1 << (63 - randomBits)

    /// How many numbers a life claims first. 64.
    ///
    /// The clock gives a number each millisecond, so that lives which begin more than a sixteenth of a second apart never take the counter
    /// beyond the clock: a store that was set back then has numbers which its younger lives did not use.
    public static let firstBlockSize: UInt64 = 1 << 6

    /// How many numbers are claimed at once at most: each further block of a life is twice as large. 65,536.
    public static let blockSize: UInt64 = 1 << 16

    /// A run.
    ///
    /// - Parameters:
    ///   - number: A number of a claimed block, from 1, below ``limit``.
    ///   - random: Fresh random bits; the lowest 20 count.
    /// - Returns: The run.
    public static func run(_ number: UInt64, random: UInt64) -> UInt64 {
        min(number, limit - 1) << randomBits | (random & ((1 << randomBits) - 1))
    }

    /// The number of a run.
    ///
    /// - Parameter run: The run.
    /// - Returns: Its number.
    public static func number(of run: UInt64) -> UInt64 { run >> randomBits }
}
