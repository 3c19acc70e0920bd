/// The time, as the caller tells it: the session has no clock of its own.
public struct Now: Hashable, Sendable {
    /// Time since any fixed moment of the process, for timers. It never goes back.
    public var monotonic: Duration

    /// Milliseconds since 1970, for what is agreed with others: expiry.
    public var wallMilliseconds: UInt64

    /// A moment.
    ///
    /// - Parameters:
    ///   - monotonic: Time since any fixed moment of the process.
    ///   - wallMilliseconds: Milliseconds since 1970.
    public init(monotonic: Duration, wallMilliseconds: UInt64) {
        self.monotonic = monotonic
        self.wallMilliseconds = wallMilliseconds
    }
}
