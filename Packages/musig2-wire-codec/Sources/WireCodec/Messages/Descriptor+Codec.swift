extension Descriptor {
    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(signerKeys: [], messages: [], createdMilliseconds: 0, expiresMilliseconds: 0, random: [])
        version = 0
        nonceTimeoutMilliseconds = 0
        partialTimeoutMilliseconds = 0
        var scheme: SchemeID?
        var election: ElectionMethod?
        var topology: SessionTopology?
        var tweaks: [TweakMessage] = []
        var metadata: [MetadataMessage] = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: version = try reader.uint32(field, "version")
            case 2: scheme = try reader.enumeration(field, "scheme", as: SchemeID.self)
            case 3: isSorted = try reader.bool(field, "sorted")
            case 4:
                try reader.append(
                    field, "signer_keys", to: &signerKeys, exactly: WireSize.publicKey, count: limits.signers)
            case 5:
                try reader.append(
                    field, "message_keys", to: &messageKeys, exactly: WireSize.publicKey, count: limits.signers)
            case 6:
                try reader.append(
                    field, "messages", to: &messages, limit: limits.messagesBytes, count: limits.signersTimesMessages)
            case 7: try reader.append(field, "tweaks", to: &tweaks, limits: limits, count: limits.tweaks)
            case 8:
                taproot = try reader.message(field, "taproot", as: TaprootMessage.self, limits: limits).taproot
            case 9: creator = try reader.uint32(field, "creator")
            case 10: election = try reader.enumeration(field, "election", as: ElectionMethod.self)
            case 11: topology = try reader.enumeration(field, "topology", as: SessionTopology.self)
            case 12: hasCommitmentRound = try reader.bool(field, "commitment_round")
            case 13: commitTimeoutMilliseconds = try reader.uint64(field, "commit_timeout_ms")
            case 14: nonceTimeoutMilliseconds = try reader.uint64(field, "nonce_timeout_ms")
            case 15: partialTimeoutMilliseconds = try reader.uint64(field, "partial_timeout_ms")
            case 16: createdMilliseconds = try reader.uint64(field, "created_ms")
            case 17: expiresMilliseconds = try reader.uint64(field, "expires_ms")
            case 18: random = try reader.bytes(field, "random", exactly: WireSize.hash)
            case 19:
                try reader.append(field, "metadata", to: &metadata, limits: limits, count: limits.metadataPairs)
            default: try reader.unknown(field)
            }
        }
        guard let scheme else { throw reader.error("scheme", .missing) }
        guard let election else { throw reader.error("election", .missing) }
        guard let topology else { throw reader.error("topology", .missing) }
        self.scheme = scheme
        self.election = election
        self.topology = topology
        self.tweaks = tweaks.map(\.tweak)
        self.metadata = metadata.map(\.pair)
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.uint(1, version)
        writer.uint(2, scheme.rawValue)
        writer.bool(3, isSorted)
        writer.repeatedBytes(4, signerKeys)
        writer.repeatedBytes(5, messageKeys)
        writer.repeatedBytes(6, messages)
        for tweak in tweaks { writer.message(7, TweakMessage(tweak: tweak)) }
        if let taproot { writer.message(8, TaprootMessage(taproot: taproot)) }
        writer.uint(9, creator)
        writer.uint(10, election.rawValue)
        writer.uint(11, topology.rawValue)
        writer.bool(12, hasCommitmentRound)
        writer.uint(13, commitTimeoutMilliseconds)
        writer.uint(14, nonceTimeoutMilliseconds)
        writer.uint(15, partialTimeoutMilliseconds)
        writer.uint(16, createdMilliseconds)
        writer.uint(17, expiresMilliseconds)
        writer.bytes(18, random)
        for pair in metadata { writer.message(19, MetadataMessage(pair: pair)) }
    }
}

/// The nested messages, as the wire has them.
private struct TweakMessage: WireMessage {
    var tweak: Descriptor.Tweak

    static let messageName = "Tweak"

    init(tweak: Descriptor.Tweak) { self.tweak = tweak }

    init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        tweak = Descriptor.Tweak([], isXOnly: false)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: tweak.tweak = try reader.bytes(field, "tweak", exactly: WireSize.hash)
            case 2: tweak.isXOnly = try reader.bool(field, "x_only")
            default: try reader.unknown(field)
            }
        }
    }

    func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, tweak.tweak)
        writer.bool(2, tweak.isXOnly)
    }

    func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "tweak", tweak.tweak, WireSize.hash)
    }
}

private struct TaprootMessage: WireMessage {
    var taproot: Descriptor.Taproot

    static let messageName = "Taproot"

    init(taproot: Descriptor.Taproot) { self.taproot = taproot }

    init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        taproot = Descriptor.Taproot()
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            taproot.merkleRoot = try reader.bytes(field, "merkle_root", exactly: WireSize.hash)
        }
    }

    func write(to writer: inout ProtobufWriter) { writer.bytes(1, taproot.merkleRoot) }

    func validate(_ limits: WireLimits) throws(WireError) {
        guard !taproot.merkleRoot.isEmpty else { return }
        try WireCheck.length(Self.messageName, "merkle_root", taproot.merkleRoot, WireSize.hash)
    }
}

private struct MetadataMessage: WireMessage {
    var pair: Descriptor.Metadata

    static let messageName = "Metadata"

    init(pair: Descriptor.Metadata) { self.pair = pair }

    init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        pair = Descriptor.Metadata("", "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1: pair.key = try reader.string(field, "key", limit: limits.metadataBytes)
            case 2: pair.value = try reader.string(field, "value", limit: limits.metadataBytes)
            default: try reader.unknown(field)
            }
        }
    }

    func write(to writer: inout ProtobufWriter) {
        writer.string(1, pair.key)
        writer.string(2, pair.value)
    }

    func validate(_ limits: WireLimits) throws(WireError) {
        if pair.key.isEmpty { throw WireError(Self.messageName, "key", .missing) }
    }
}
