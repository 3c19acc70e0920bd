public import MuSig2Session
public import Multiformats
public import Secp256k1

/// A session that was looked at without joining: its announcement, verified to be what the session id stands for and to be signed by
/// its creator.
public struct SessionPreview: Sendable, Hashable {
    /// Which session.
    public var session: SessionID
    /// What is to be signed, by which signers, under which terms.
    public var descriptor: SessionDescriptor
    /// The peer that announced the session.
    public var announcer: PeerID
    /// Where the announcer can be reached.
    public var addresses: [Multiaddr]
    /// The index of this node's signer in the session.
    public var ownIndex: Int

    /// The key that the session signs for, all tweaks applied: show it with the messages, and compare it. It costs one multiplication a
    /// signer, so that a stranger's sessions which nobody looks at cost nothing.
    ///
    /// - Returns: The final key.
    /// - Throws: `DescriptorError.invalidAggregateKey`: tweaks that cancel the key, for which nobody can sign.
    public func finalKey() throws(DescriptorError) -> XOnlyPublicKey {
        try descriptor.finalKey()
    }

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
