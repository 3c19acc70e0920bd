public import Secp256k1

/// A session's name: H(session, descriptor bytes), 32 bytes. The same job announced twice is two sessions.
public struct SessionID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The tagged hash.
    public let hash: Hash32

    /// Names the session with that hash.
    ///
    /// - Parameter hash: The tagged hash of the descriptor's bytes.
    public init(_ hash: Hash32) {
        self.hash = hash
    }

    /// Names the session with that hash.
    ///
    /// - Parameter bytes: 32 bytes; nil is returned for any other number.
    public init?(_ bytes: [UInt8]) {
        guard let hash = Hash32(bytes) else { return nil }
        self.hash = hash
    }

    /// The name of the session that this descriptor describes.
    ///
    /// - Parameter descriptorBytes: The descriptor as it was received.
    public init(descriptorBytes: [UInt8]) {
        hash = Tag.session.hash(descriptorBytes)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { hash.bytes }

    /// 64 hexadecimal digits.
    public var description: String { hash.description }

    /// Byte order.
    public static func < (left: SessionID, right: SessionID) -> Bool { left.hash < right.hash }
}
