public import MuSig2Session
public import Multiformats

/// A session that was looked at without joining: its announcement, verified to be what the session id stands for and to be signed by
/// its creator.
public struct SessionPreview: Sendable, Hashable {
    /// Which session.
    public var session: SessionID
    /// What is to be signed, by whom, under which terms.
    public var descriptor: SessionDescriptor
    /// The peer that announced the session.
    public var announcer: PeerID
    /// Where the announcer can be reached.
    public var addresses: [Multiaddr]
    /// The index of this node's signer in the session.
    public var ownIndex: Int

    /// Makes a preview.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - descriptor: What is to be signed.
    ///   - announcer: The peer that announced the session.
    ///   - addresses: Where the announcer can be reached.
    ///   - ownIndex: The index of this node's signer.
    public init(
        session: SessionID,
        descriptor: SessionDescriptor,
        announcer: PeerID,
        addresses: [Multiaddr],
        ownIndex: Int
    ) {
        self.session = session
        self.descriptor = descriptor
        self.announcer = announcer
        self.addresses = addresses
        self.ownIndex = ownIndex
    }
}
