/// The rules of one namespace of values: which values are valid under a key, and which of several valid ones is the best.
///
/// Every node of a network must decide alike, so both follow from the arguments alone. They are called while a request is
/// answered and must be quick.
public protocol RecordRules: Sendable {
    /// Whether a value may stand under a key. Asked before a value is stored and before it is returned.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole key, with the namespace.
    ///   - wallMilliseconds: The time, in milliseconds since 1970.
    /// - Returns: Whether to store it and to return it.
    func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool

    /// Which of two valid values is the better one.
    ///
    /// - Parameters:
    ///   - left: One value.
    ///   - right: The other value.
    ///   - key: The whole key, with the namespace.
    /// - Returns: Whether `left` is strictly better than `right`.
    func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool
}
