/// Keeps small public values under names, as a DHT does. Any peer that knows the name can read the value.
public protocol ValueDiscovery: Sendable {
    /// Stores a value, and goes on renewing it until the lifetime is over or the key is withdrawn.
    ///
    /// - Parameters:
    ///   - value: The bytes to store; a later call for the same key replaces them.
    ///   - key: The name, as `/namespace/id`.
    ///   - lifetime: How long from now; afterwards the value is no longer renewed.
    /// - Throws: ``TransportError`` when the value does not satisfy the rules of its namespace, or nobody took it.
    func publish(_ value: [UInt8], at key: [UInt8], for lifetime: Duration) async throws(TransportError)

    /// Stops renewing a value. What others hold cannot be called back; it runs out.
    ///
    /// - Parameter key: The name.
    func withdrawValue(at key: [UInt8]) async

    /// Reads the best value under a name, by the rules of its namespace.
    ///
    /// - Parameter key: The name.
    /// - Returns: The value, or nil when no peer that was asked holds a valid one.
    /// - Throws: ``TransportError`` when the search itself was not possible.
    func value(at key: [UInt8]) async throws(TransportError) -> DiscoveredValue?
}

/// A value that a ``ValueDiscovery`` found. It satisfies the rules of its namespace.
public struct DiscoveredValue: Sendable, Hashable {
    /// The bytes.
    public var value: [UInt8]

    /// How long ago the one that returned it got it, where that is known.
    public var age: Duration?

    /// Joins a value with its age.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - age: How long ago the one that returned it got it, where that is known.
    public init(value: [UInt8], age: Duration? = nil) {
        self.value = value
        self.age = age
    }
}

/// The rules of one namespace of a ``ValueDiscovery``: which values are valid under a name, and which of several valid
/// ones is the best. Every node of a network must decide alike, so both follow from the arguments alone.
public protocol ValueRules: Sendable {
    /// Whether a value may stand under a name.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole name, with the namespace.
    ///   - wallMilliseconds: The time, as milliseconds since 1970.
    /// - Returns: Whether to store it and to return it.
    func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool

    /// Until when a value may stand under a name. It is kept with the value, which is returned until then without another
    /// look.
    ///
    /// Rules by which values run out must implement it; by default a valid value is valid for ever.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole name, with the namespace.
    ///   - wallMilliseconds: The time, as milliseconds since 1970.
    /// - Returns: The first moment at which it is not valid any more, as milliseconds since 1970; nil when it is not valid now.
    func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64?

    /// About how much time of a processor it takes to look at a value, at most. Must be quick and look at next to nothing itself:
    /// the network that a value comes from is charged before anybody looks.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole name, with the namespace.
    /// - Returns: The time; by default 100 µs, and a fifth of a microsecond for each byte.
    func work(of value: [UInt8], at key: [UInt8]) -> Duration

    /// Which of two valid values is the better one.
    ///
    /// - Parameters:
    ///   - left: One value.
    ///   - right: The other value.
    ///   - key: The whole name, with the namespace.
    /// - Returns: Whether `left` is strictly better than `right`.
    func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool
}

extension ValueRules {
    /// As for a signature, and a key in every 33 bytes.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole name, with the namespace.
    /// - Returns: 100 µs, and a fifth of a microsecond for each byte.
    public func work(of value: [UInt8], at key: [UInt8]) -> Duration { .microseconds(100 + value.count / 5) }

    /// For ever, or not at all.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole name, with the namespace.
    ///   - wallMilliseconds: The time, as milliseconds since 1970.
    /// - Returns: The end of time; nil when the value is not valid now.
    public func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64? {
        isValid(value, at: key, wallMilliseconds: wallMilliseconds) ? .max : nil
    }
}
