/// A descriptor with the place where its creator is found.
public struct Announcement: WireMessage {
    /// The descriptor's bytes, as received: these are hashed to the session id.
    public let descriptorBytes: [UInt8]
    /// The descriptor.
    public let descriptor: Descriptor
    /// The announcer's peer id, a multihash.
    public let peerID: [UInt8]
    /// The announcer's addresses, binary multiaddrs; at most 8 of at most 128 bytes. One that cannot be parsed is dropped
    /// by the dialer.
    public let addresses: [[UInt8]]
    /// Unix milliseconds; rises when the addresses change.
    public let sequence: UInt64
    /// The ways of discovery by which the creator wants the session to be found, one bit for each: 1 rendezvous, 2 inbox,
    /// 4 record; from 65,536 on they are for private use. 0: by invitation alone.
    public let ways: UInt32

    /// Makes an announcement.
    public init(descriptor: Descriptor, peerID: [UInt8], addresses: [[UInt8]], sequence: UInt64, ways: UInt32 = 0) {
        descriptorBytes = descriptor.encoded()
        self.descriptor = descriptor
        self.peerID = peerID
        self.addresses = addresses
        self.sequence = sequence
        self.ways = ways
    }

    /// `Announcement`.
    public static let messageName = "Announcement"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        var descriptorBytes: [UInt8] = []
        var peerID: [UInt8] = []
        var addresses: [[UInt8]] = []
        var sequence: UInt64 = 0
        var ways: UInt32 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: descriptorBytes = try reader.bytes(field, "descriptor", limit: limits.descriptorBytes)
            case 2: peerID = try reader.bytes(field, "peer_id", limit: limits.peerIDBytes)
            case 3:
                try reader.append(
                    field, "addresses", to: &addresses, limit: limits.addressBytes, count: limits.addresses)
            case 4: sequence = try reader.uint64(field, "sequence")
            case 5: ways = try reader.uint32(field, "ways")
            default: try reader.unknown(field)
            }
        }
        if descriptorBytes.isEmpty { throw reader.error("descriptor", .missing) }
        self.descriptorBytes = descriptorBytes
        descriptor = try Descriptor(decoding: descriptorBytes, limits: limits)
        self.peerID = peerID
        self.addresses = addresses
        self.sequence = sequence
        self.ways = ways
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, descriptorBytes)
        writer.bytes(2, peerID)
        writer.repeatedBytes(3, addresses)
        writer.uint(4, sequence)
        writer.uint(5, ways)
    }

    /// Refuses a wrong peer id, wrong addresses, and no sequence; decoding has checked the descriptor before.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.peer(Self.messageName, peerID, addresses, limits)
        if sequence == 0 { throw WireError(Self.messageName, "sequence", .missing) }
    }
}

/// An announcement with the signature of its creator's message key, tag `musig2-p2p/announcement`.
public struct SignedAnnouncement: WireMessage {
    /// The announcement's bytes, as received: the signature covers these.
    public let announcementBytes: [UInt8]
    /// 64 bytes, not checked here.
    public let signature: [UInt8]
    /// The announcement.
    public let announcement: Announcement

    /// Signs an announcement.
    /// - Parameters:
    ///   - announcement: what is announced.
    ///   - sign: makes the 64-byte signature of the encoded announcement.
    /// - Throws: what `sign` throws.
    public init<Failure: Error>(
        _ announcement: Announcement, sign: (_ announcementBytes: [UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        self.announcementBytes = announcement.encoded()
        signature = try sign(announcementBytes)
        self.announcement = announcement
    }

    /// `SignedAnnouncement`.
    public static let messageName = "SignedAnnouncement"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        var announcementBytes: [UInt8] = []
        var signature: [UInt8] = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: announcementBytes = try reader.bytes(field, "announcement", limit: limits.frameBytes)
            case 2: signature = try reader.bytes(field, "signature", exactly: WireSize.signature)
            default: try reader.unknown(field)
            }
        }
        if announcementBytes.isEmpty { throw reader.error("announcement", .missing) }
        self.announcementBytes = announcementBytes
        announcement = try Announcement(decoding: announcementBytes, limits: limits)
        self.signature = signature
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, announcementBytes)
        writer.bytes(2, signature)
    }

    /// Refuses a signature of another length than 64 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "signature", signature, WireSize.signature)
    }
}
