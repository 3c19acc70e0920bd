/// What a transport or a network did that the suite did not expect.
public struct ConformanceFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the case that failed.
    public var caseName: String

    /// What was expected and what was found.
    public var message: String

    /// Makes a failure.
    ///
    /// - Parameters:
    ///   - caseName: The name of the case that failed.
    ///   - message: What was expected and what was found.
    public init(caseName: String, message: String) {
        self.caseName = caseName
        self.message = message
    }

    /// `case: message`.
    public var description: String { "\(caseName): \(message)" }
}
