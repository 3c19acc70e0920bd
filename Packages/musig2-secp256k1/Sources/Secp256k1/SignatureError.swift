/// Why bytes are not a signature.
public enum SignatureError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not the number of bytes that this form has.
    case wrongByteCount(expected: Int, found: Int)
    /// More bytes than the longest DER signature has.
    case tooLong(maximum: Int, found: Int)
    /// Not the one DER form of two numbers below n.
    case malformedDER
    /// A number that is not below n.
    case scalarNotBelowOrder

    /// What was expected and what was found.
    public var description: String {
        switch self {
        case .wrongByteCount(let expected, let found):
            "signature: expected \(expected) bytes, found \(found)"
        case .tooLong(let maximum, let found):
            "signature: expected at most \(maximum) bytes, found \(found)"
        case .malformedDER:
            "signature: expected the DER form of two numbers below the group order, found something else"
        case .scalarNotBelowOrder:
            "signature: expected numbers below the group order, found one that is not"
        }
    }
}

/// Why no signature was made.
public enum SigningError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The library refused. With a valid key this happens by a chance of 2^-128, or when memory is corrupt.
    case refusedByLibrary

    /// What was expected and what was found.
    public var description: String {
        switch self {
        case .refusedByLibrary: "signing: expected a signature, found that the library refused to make one"
        }
    }
}
