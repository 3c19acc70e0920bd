/// Why a flow did not come to its end.
public struct FlowError: Error, CustomStringConvertible, Sendable {
    /// What was expected, and what was found.
    public let description: String

    /// Makes an error.
    ///
    /// - Parameter description: What was expected, and what was found.
    public init(_ description: String) {
        self.description = description
    }
}
