public import PeerTransport

/// What the files of a node fail with.
extension TransportError.Code {
    /// A file with an identity is missing, readable by others, or not an identity.
    public static let identityFile = TransportError.Code("identityFile")
    /// A file with known peers cannot be read or written, or could have been changed by others.
    public static let peerStoreFile = TransportError.Code("peerStoreFile")
    /// A file that only its owner may read cannot be read or written, or could have been reached by others.
    public static let privateFile = TransportError.Code("privateFile")
}
