public import WireCodec

/// What a session takes at most. What bounds the bytes is in `WireLimits`.
public struct SessionLimits: Hashable, Sendable {
    /// The limits of the form.
    public var wire = WireLimits.standard

    /// How far ahead a descriptor may have been made, in milliseconds: 5 min.
    public internal(set) var clockTolerance: UInt64 = 300_000

    /// How far ahead a descriptor may expire, in milliseconds: 30 days.
    public internal(set) var lifetime: UInt64 = 30 * 86_400_000

    /// The protocol's limits.
    public init() {}

    /// The protocol's limits.
    public static let standard = SessionLimits()

    /// How many attempts are allowed at any time; an attempt is one pass through the rounds.
    static let attemptsAtOnce: UInt64 = 16

    /// After how many milliseconds of a session's age one more attempt is allowed: 10 s. There is no last attempt, and
    /// nobody can use attempts up.
    static let attemptInterval: UInt64 = 10_000

    /// The longest text of this signer for people that leaves, of ABORT and DECLINE, in bytes of UTF-8; others may send longer ones. 400.
    public static let ownTextBytes = 400

    /// How many points are parsed, and kept in a slot, for what one signature check costs. 4.
    public static let pointsPerSignature = 4
}
