/// The name by which the two sides of a stream agree on what they speak, such as `/ipfs/ping/1.0.0`.
///
/// It is the protocol id of multistream-select: UTF-8 text without line breaks, by custom beginning with a slash.
/// Transports refuse one that is empty, holds a line break, or is longer than ``maximumLength`` bytes.
public struct ProtocolID: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The longest protocol id, in bytes of UTF-8, that fits a multistream-select line of 1,024 bytes with its line
    /// break.
    public static let maximumLength = 1023

    /// The text of the id.
    public let name: String

    /// Makes a protocol id.
    ///
    /// - Parameter name: The text of the id; see ``isValid``.
    public init(_ name: String) {
        self.name = name
    }

    /// Makes a protocol id from a literal.
    ///
    /// - Parameter value: The text of the id.
    public init(stringLiteral value: String) {
        self.init(value)
    }

    /// Whether the id can be sent: not empty, no line break, at most ``maximumLength`` bytes.
    public var isValid: Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && bytes.count <= Self.maximumLength && !bytes.contains(0x0A)
    }

    /// The text of the id.
    public var description: String { name }
}

/// Says which protocols inbound streams of a connection may speak.
///
/// It is asked once for each protocol that the other side proposes, on the transport's own thread: it must be quick and
/// must not wait.
public typealias ProtocolFilter = @Sendable (ProtocolID) -> Bool
