/// Limits
public struct WireLimits: Hashable, Sendable {}
