public import Multiformats
public import Secp256k1
public import WireCodec

/// An announcement with signature, descriptor and peer id checked.
public struct VerifiedAnnouncement: Sendable, Hashable {
    /// The announcement as it was received.
    public let signed: SignedAnnouncement
    /// The session.
    public let descriptor: SessionDescriptor
    /// The announcer's peer.
    public let peer: PeerID
    /// The announcer's addresses, binary multiaddrs that are not parsed here.
    public var addresses: [[UInt8]] { signed.announcement.addresses }
    /// Rises when the addresses change.
    public var sequence: UInt64 { signed.announcement.sequence }
    /// The ways of discovery by which the creator wants the session to be found, one bit for each: 1 rendezvous, 2 inbox,
    /// 4 record, from 65,536 on private use; 0: by invitation alone.
    public var ways: UInt32 { signed.announcement.ways }

    /// Checks an announcement: the id, then the signature, then all keys, which cost the most. Times are judged by
    /// ``SessionDescriptor/checkTimes(at:limits:)``.
    ///
    /// - Parameters:
    ///   - signed: The announcement as received.
    ///   - expected: The session that was asked for; nil if any will do.
    ///   - limits: What to accept.
    /// - Throws: ``AnnouncementError``.
    public init(
        verifying signed: SignedAnnouncement, expecting expected: SessionID? = nil, limits: SessionLimits = .standard
    ) throws(AnnouncementError) {
        // The id binds every field of the descriptor, so that a wrong one is refused before keys are parsed.
        let id = SessionID(descriptorBytes: signed.announcement.descriptorBytes)
        if let expected, id != expected { throw .wrongSession(expected: expected, found: id) }
        do throws(PeerIDError) {
            peer = try PeerID(bytes: signed.announcement.peerID)
        } catch {
            throw .peerID(error)
        }
        let fields = signed.announcement.descriptor
        do throws(WireError) {
            // It may have been decoded with other limits.
            try fields.validate(limits.wire)
        } catch {
            throw .descriptor(.malformed(error))
        }
        // A parse of all keys is for those alone that the creator's key signs for.
        try Self.checkSignature(of: signed, by: Self.creatorKey(fields), creator: Int(fields.creator))
        do throws(DescriptorError) {
            descriptor = try SessionDescriptor(checking: fields, bytes: signed.announcement.descriptorBytes)
        } catch {
            throw .descriptor(error)
        }
        self.signed = signed
    }

    /// Checks a further announcement of a session that is known: of its keys none is parsed again.
    ///
    /// - Parameters:
    ///   - signed: The announcement as received.
    ///   - descriptor: The session that it must be of.
    /// - Throws: ``AnnouncementError``.
    public init(verifying signed: SignedAnnouncement, of descriptor: SessionDescriptor) throws(AnnouncementError) {
        guard signed.announcement.descriptorBytes == descriptor.bytes else {
            throw .wrongSession(
                expected: descriptor.id, found: SessionID(descriptorBytes: signed.announcement.descriptorBytes))
        }
        do throws(PeerIDError) {
            peer = try PeerID(bytes: signed.announcement.peerID)
        } catch {
            throw .peerID(error)
        }
        try Self.checkSignature(
            of: signed, by: descriptor.messageKeys[descriptor.creator], creator: descriptor.creator)
        self.signed = signed
        self.descriptor = descriptor
    }

    /// The creator's message key, alone of all keys.
    private static func creatorKey(_ fields: Descriptor) throws(AnnouncementError) -> XOnlyPublicKey {
        let creator = Int(fields.creator)
        let keys = fields.messageKeys.isEmpty ? fields.signerKeys : fields.messageKeys
        guard keys.indices.contains(creator) else { throw .wrongSignature(creator: creator) }
        do throws(PublicKeyError) {
            return try PublicKey(compressedRepresentation: keys[creator]).xOnly
        } catch {
            throw .descriptor(
                fields.messageKeys.isEmpty
                    ? .invalidSignerKey(index: creator, error) : .invalidMessageKey(index: creator, error))
        }
    }

    private static func checkSignature(
        of signed: SignedAnnouncement, by key: XOnlyPublicKey, creator: Int
    ) throws(AnnouncementError) {
        guard let signature = try? SchnorrSignature(rawRepresentation: signed.signature),
            Tag.announcement.isValid(signature, for: signed.announcementBytes, by: key)
        else { throw .wrongSignature(creator: creator) }
    }

    /// Announces a session.
    ///
    /// - Parameters:
    ///   - descriptor: The session.
    ///   - local: The announcer's peer and addresses.
    ///   - sequence: Milliseconds since 1970, rising when the addresses change.
    ///   - ways: The ways of discovery by which the session may be found, one bit for each.
    ///   - key: The creator's message key.
    /// - Throws: ``AnnouncementError``.
    public init(
        announcing descriptor: SessionDescriptor, at local: LocalPeer, sequence: UInt64, ways: UInt32 = 0,
        with key: borrowing SecretKey
    ) throws(AnnouncementError) {
        let announcement = Announcement(
            descriptor: descriptor.fields,
            peerID: local.peer.bytes,
            addresses: local.addresses,
            sequence: sequence,
            ways: ways
        )
        var signature: [UInt8] = []
        do throws(SigningError) {
            signature = try Tag.announcement.sign(announcement.encoded(), with: key).rawRepresentation
        } catch {
            throw .cannotSign
        }
        signed = SignedAnnouncement(announcement) { _ in signature }
        self.descriptor = descriptor
        peer = local.peer
    }
}

/// Why an announcement is refused.
public enum AnnouncementError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It announces another session than the one asked for.
    case wrongSession(expected: SessionID, found: SessionID)
    /// Its descriptor is refused.
    case descriptor(DescriptorError)
    /// Its peer id is none.
    case peerID(PeerIDError)
    /// It is not signed by its creator's message key.
    case wrongSignature(creator: Int)
    /// The library refused to sign.
    case cannotSign

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .wrongSession(let expected, let found): "announcement: expected session \(expected), found \(found)"
        case .descriptor(let error): "announcement: \(error)"
        case .peerID(let error): "announcement peer id: \(error)"
        case .wrongSignature(let creator):
            "announcement signature: expected one by the message key of the creator, signer \(creator), found another"
        case .cannotSign: "announcement: expected a signature, found that the key does not sign"
        }
    }
}
