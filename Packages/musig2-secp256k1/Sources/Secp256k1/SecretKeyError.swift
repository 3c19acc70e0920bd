/// Why bytes are not a secret key or a secret scalar, or an operation on one has no outcome.
///
/// Never says anything about the bytes themselves but their number.
public enum SecretKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not 32 bytes.
    case wrongByteCount(expected: Int, found: Int)
    /// The number is 0, or n or above.
    case outOfRange
    /// The outcome of an operation is 0. The value it was applied to is wiped, and every later operation fails too.
    case resultIsZero
    /// The generator's output was rejected so often that it cannot be random.
    case unsuitableGenerator

    /// What was expected and what was found.
    public var description: String {
        switch self {
        case .wrongByteCount(let expected, let found):
            "secret key: expected \(expected) bytes, found \(found)"
        case .outOfRange:
            "secret key: expected a number from 1 to the group order less 1, found one outside"
        case .resultIsZero:
            "secret scalar: expected a result other than 0, found 0"
        case .unsuitableGenerator:
            "secret key: expected random bytes from the generator, found none in range in many tries"
        }
    }
}
