public import PeerTransport

/// Where a ``PeerNode`` keeps what it knows of peers, so that it finds them again after a restart.
///
/// The bytes are the node's own; a store need not understand them. Losing them costs a search and nothing else.
public protocol PeerStorePersistence: Sendable {
    /// Reads what was saved last.
    ///
    /// - Returns: The bytes, or nil when nothing was saved.
    /// - Throws: `TransportError` when they cannot be read.
    func load() throws(TransportError) -> [UInt8]?

    /// Keeps bytes in the place of those saved before, all or nothing.
    ///
    /// - Parameter bytes: At most 16 MiB.
    /// - Throws: `TransportError` when they cannot be kept.
    func save(_ bytes: [UInt8]) throws(TransportError)
}

/// Keeps known peers in a file with mode 0600, which is replaced as a whole.
public struct PeerStoreFile: PeerStorePersistence {
    /// Where the file is. Its directory must be there.
    public let path: String

    private var file: PrivateFile {
        PrivateFile(
            path: path, kind: "peer file", code: .peerStoreFile, exposure: "changed it",
            maximumBytes: PeerStoreSnapshot.maximumBytes)
    }

    /// Names the file; it is made with the first ``save(_:)``.
    ///
    /// - Parameter path: Where the file is. Its directory must be there.
    public init(path: String) {
        self.path = path
    }

    /// Reads the file.
    ///
    /// - Returns: Its bytes, or nil when there is no such file.
    /// - Throws: `TransportError.Code.peerStoreFile` when it cannot be read, others could have written it, or it is
    ///   too long.
    public func load() throws(TransportError) -> [UInt8]? { try file.read() }

    /// Replaces the file, so that after a power cut it is the old or the new one.
    ///
    /// - Parameter bytes: What it is to hold.
    /// - Throws: `TransportError.Code.peerStoreFile` when it cannot be written.
    public func save(_ bytes: [UInt8]) throws(TransportError) { try file.replace(bytes) }
}
