/// What evidence proves.
public enum EvidenceKind: UInt32, Hashable, Sendable, CaseIterable {
    /// Two signed messages of one slot and one run with different contributions.
    case contradiction = 1
    /// A partial signature that does not verify for the nonces and the context that its signer signed.
    case invalidPartial = 2
    /// A coordinator's aggregate nonces that are not the sum of the nonces behind its leaves.
    case wrongAggregate = 3
    /// Nonces that do not open their commitment.
    case unopenedCommitment = 4
}

/// EVIDENCE: a proof, for anybody that has the descriptor, that a signer broke the rules. Whether it convicts is not judged here.
public struct Evidence: WireMessage {
    /// What it proves.
    public var kind: EvidenceKind
    /// The index of the signer it convicts.
    public var culprit: UInt32
    /// The signed messages of the proof.
    public var signedMessages: [SignedMessage]
    /// The leaves of the attempt, 32 bytes each, where the kind needs them.
    public var leaves: [[UInt8]]
    /// The aggregate nonces of the attempt, 66 bytes each, where the kind needs them.
    public var aggregateNonces: [[UInt8]]
    /// The descriptor's bytes, when the evidence leaves its session; else empty.
    public var descriptor: [UInt8]

    /// Makes evidence.
    public init(
        kind: EvidenceKind, culprit: UInt32, signedMessages: [SignedMessage], leaves: [[UInt8]] = [],
        aggregateNonces: [[UInt8]] = [], descriptor: [UInt8] = []
    ) {
        self.kind = kind
        self.culprit = culprit
        self.signedMessages = signedMessages
        self.leaves = leaves
        self.aggregateNonces = aggregateNonces
        self.descriptor = descriptor
    }

    /// `Evidence`.
    public static let messageName = "Evidence"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        var kind: EvidenceKind?
        self.init(kind: .contradiction, culprit: 0, signedMessages: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: kind = try reader.enumeration(field, "kind", as: EvidenceKind.self)
            case 2: culprit = try reader.uint32(field, "culprit")
            case 3:
                try reader.append(
                    field, "signed_messages", to: &signedMessages, limits: limits, count: limits.evidenceMessages)
            case 4:
                try reader.append(field, "leaves", to: &leaves, exactly: WireSize.hash, count: limits.signers)
            case 5:
                try reader.append(
                    field, "aggregate_nonces", to: &aggregateNonces, exactly: WireSize.nonce,
                    count: limits.signersTimesMessages)
            case 6: descriptor = try reader.bytes(field, "descriptor", limit: limits.descriptorBytes)
            default: try reader.unknown(field)
            }
        }
        guard let kind else { throw reader.error("kind", .missing) }
        self.kind = kind
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.uint(1, kind.rawValue)
        writer.uint(2, culprit)
        for message in signedMessages { writer.message(3, message) }
        writer.repeatedBytes(4, leaves)
        writer.repeatedBytes(5, aggregateNonces)
        writer.bytes(6, descriptor)
    }

    /// Refuses no messages, too many entries, and entries of a wrong length.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.index(Self.messageName, "culprit", culprit, limits)
        try WireCheck.count(Self.messageName, "signed_messages", signedMessages.count, in: 1...limits.evidenceMessages)
        for message in signedMessages { try message.validate(limits) }
        try WireCheck.count(Self.messageName, "leaves", leaves.count, in: 0...limits.signers)
        try WireCheck.lengths(Self.messageName, "leaves", leaves, WireSize.hash)
        try WireCheck.count(
            Self.messageName, "aggregate_nonces", aggregateNonces.count, in: 0...limits.signersTimesMessages)
        try WireCheck.lengths(Self.messageName, "aggregate_nonces", aggregateNonces, WireSize.nonce)
        guard descriptor.count <= limits.descriptorBytes else {
            throw WireError(
                Self.messageName, "descriptor", .tooLong(limit: limits.descriptorBytes, found: descriptor.count))
        }
    }
}
