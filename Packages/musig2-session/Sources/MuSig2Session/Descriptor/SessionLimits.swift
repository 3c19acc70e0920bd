public import WireCodec

/// What a session takes at most. What bounds the bytes is in `WireLimits`.
public struct SessionLimits: Hashable, Sendable {
    /// The limits of the form.
    public var wire = WireLimits.standard

    /// How far ahead a descriptor may have been made, in milliseconds: 5 min.
    public var clockTolerance: UInt64 = 300_000

    /// How far ahead a descriptor may expire, in milliseconds: 30 days.
    public var lifetime: UInt64 = 30 * 86_400_000

    /// The protocol's limits.
    public init() {}

    /// The protocol's limits.
    public static let standard = SessionLimits()

    /// The highest attempt: an attempt is one pass through the rounds.
    public static let attempts: UInt32 = 128
}
