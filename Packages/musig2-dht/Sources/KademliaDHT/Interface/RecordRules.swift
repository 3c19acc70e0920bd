/// The rules of one namespace of values: which values are valid under a key, and which of several valid ones is the best.
///
/// Every node of a network must decide alike, so both follow from the arguments alone. A value is looked at when it comes, not
/// when it is asked for.
public protocol RecordRules: Sendable {
    /// Whether a value may stand under a key. Asked before a value is stored and before it is returned.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole key, with the namespace.
    ///   - wallMilliseconds: The time, in milliseconds since 1970.
    /// - Returns: Whether to store it and to return it.
    func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool

    /// Until when a value may stand under a key. It is kept with the value, which is told until then without another look.
    ///
    /// Rules by which values run out must implement it; by default a valid value is valid for ever.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole key, with the namespace.
    ///   - wallMilliseconds: The time, in milliseconds since 1970.
    /// - Returns: The first moment at which it is not valid any more, in milliseconds since 1970; nil when it is not valid now.
    func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64?

    /// About how much time of a processor it takes to look at a value, at most. Must be quick and look at next to nothing itself:
    /// the network that a value comes from is charged before anybody looks.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole key, with the namespace.
    /// - Returns: The time; by default 100 µs, and a fifth of a microsecond for each byte.
    func work(of value: [UInt8], at key: [UInt8]) -> Duration

    /// Which of two valid values is the better one.
    ///
    /// - Parameters:
    ///   - left: One value.
    ///   - right: The other value.
    ///   - key: The whole key, with the namespace.
    /// - Returns: Whether `left` is strictly better than `right`.
    func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool
}

extension RecordRules {
    /// As for a signature, and a key in every 33 bytes.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole key, with the namespace.
    /// - Returns: 100 µs, and a fifth of a microsecond for each byte.
    public func work(of value: [UInt8], at key: [UInt8]) -> Duration { .microseconds(100 + value.count / 5) }

    /// For ever, or not at all.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole key, with the namespace.
    ///   - wallMilliseconds: The time, in milliseconds since 1970.
    /// - Returns: The end of time; nil when the value is not valid now.
    public func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64? {
        isValid(value, at: key, wallMilliseconds: wallMilliseconds) ? .max : nil
    }
}
