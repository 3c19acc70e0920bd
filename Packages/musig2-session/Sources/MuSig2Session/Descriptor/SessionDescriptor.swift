public import MuSig2
public import Secp256k1
public import WireCodec

/// A session as all its signers know it: what is signed, by which signers and how. Immutable and checked.
///
/// There is one encoding only. What is hashed and signed is the bytes received, which are kept. Two descriptors are
/// equal when their ids are.
public struct SessionDescriptor: Sendable, Hashable {
    /// The bytes as received.
    public let bytes: [UInt8]
    /// H(session, bytes).
    public let id: SessionID
    /// The fields as on the wire.
    public let fields: Descriptor
    /// The signers' keys as written; the position is the signer's index.
    public let signerKeys: [PublicKey]
    /// The keys of the signers' protocol signatures, x only.
    public let messageKeys: [XOnlyPublicKey]
    /// The tweaks of the aggregate key, in order, without a Taproot tweak.
    public let tweaks: [Tweak]
    /// The Taproot output that has the aggregate key as its internal key.
    public let taproot: SessionPlan.Taproot?

    /// Decodes and checks a descriptor. Times are judged by ``checkTimes(at:limits:)``.
    ///
    /// - Parameters:
    ///   - bytes: The encoded descriptor.
    ///   - limits: What to accept.
    /// - Throws: ``DescriptorError``.
    public init(bytes: [UInt8], limits: SessionLimits = .standard) throws(DescriptorError) {
        let fields: Descriptor
        do throws(WireError) {
            fields = try Descriptor(decoding: bytes, limits: limits.wire)
        } catch {
            throw .malformed(error)
        }
        try self.init(checking: fields, bytes: bytes)
    }

    /// Makes a descriptor of a plan.
    ///
    /// - Parameters:
    ///   - plan: What is wanted.
    ///   - now: The time: the session is made now.
    ///   - random: 32 fresh random bytes, so that the same job twice is two sessions.
    ///   - limits: What others accept.
    /// - Throws: ``DescriptorError``.
    public init(
        _ plan: SessionPlan, at now: Now, random: Hash32, limits: SessionLimits = .standard
    ) throws(DescriptorError) {
        let fields = Self.fields(of: plan, at: now, random: random)
        let bytes: [UInt8]
        do throws(WireError) {
            bytes = try fields.validatedEncoding(limits.wire)
        } catch {
            throw .malformed(error)
        }
        try self.init(checking: fields, bytes: bytes)
        try checkTimes(at: now, limits: limits)
    }

    /// Checks a descriptor that is decoded.
    ///
    /// - Parameters:
    ///   - fields: What `bytes` decode to.
    ///   - bytes: The encoded descriptor.
    /// - Throws: ``DescriptorError``.
    init(checking fields: Descriptor, bytes: [UInt8]) throws(DescriptorError) {
        guard fields.scheme == .bip340 else { throw .unsupportedScheme(fields.scheme) }
        guard fields.signerKeys.count >= 2 else { throw .tooFewSigners(found: fields.signerKeys.count) }
        self.bytes = bytes
        self.fields = fields
        self.signerKeys = try Self.signerKeys(fields.signerKeys)
        messageKeys = try Self.messageKeys(fields.messageKeys, signerKeys: signerKeys)
        var tweaks: [Tweak] = []
        for (index, tweak) in fields.tweaks.enumerated() {
            do throws(TweakError) {
                tweaks.append(try Tweak(bytes: tweak.tweak, kind: tweak.isXOnly ? .xOnly : .plain))
            } catch {
                throw .invalidTweak(index: index)
            }
        }
        self.tweaks = tweaks
        taproot = fields.taproot.map { SessionPlan.Taproot(merkleRoot: Hash32($0.merkleRoot)) }
        id = SessionID(descriptorBytes: bytes)
    }

    private static func signerKeys(_ encoded: [[UInt8]]) throws(DescriptorError) -> [PublicKey] {
        var keys: [PublicKey] = []
        var positions: [Hash32: Int] = [:]
        keys.reserveCapacity(encoded.count)
        for (index, bytes) in encoded.enumerated() {
            let key: PublicKey
            do throws(PublicKeyError) {
                key = try PublicKey(compressedRepresentation: bytes)
            } catch {
                throw .invalidSignerKey(index: index, error)
            }
            if let other = positions.updateValue(index, forKey: key.xOnly.x) { throw .duplicateSigner(other, index) }
            keys.append(key)
        }
        return keys
    }

    private static func messageKeys(
        _ encoded: [[UInt8]], signerKeys: [PublicKey]
    ) throws(DescriptorError) -> [XOnlyPublicKey] {
        if encoded.isEmpty { return signerKeys.map(\.xOnly) }
        var keys: [XOnlyPublicKey] = []
        var positions: [Hash32: Int] = [:]
        var signers: [Hash32: Int] = [:]
        for (index, key) in signerKeys.enumerated() { signers[key.xOnly.x] = index }
        for (index, bytes) in encoded.enumerated() {
            let key: XOnlyPublicKey
            do throws(PublicKeyError) {
                key = try PublicKey(compressedRepresentation: bytes).xOnly
            } catch {
                throw .invalidMessageKey(index: index, error)
            }
            if let other = positions.updateValue(index, forKey: key.x) { throw .duplicateMessageKey(other, index) }
            if let signer = signers[key.x], signer != index {
                throw .messageKeyIsSignerKey(messageKey: index, signer: signer)
            }
            keys.append(key)
        }
        return keys
    }

    private static func fields(of plan: SessionPlan, at now: Now, random: Hash32) -> Descriptor {
        let (expiry, isTooLate) = now.wallMilliseconds.addingReportingOverflow(plan.lifetime.wholeMilliseconds)
        var fields = Descriptor(
            signerKeys: plan.signerKeys.map(\.compressedRepresentation),
            messages: plan.messages,
            createdMilliseconds: now.wallMilliseconds,
            expiresMilliseconds: isTooLate ? .max : expiry,
            random: random.bytes
        )
        fields.isSorted = plan.isSorted
        fields.messageKeys = plan.messageKeys.map { $0.map(\.compressedRepresentation) } ?? []
        fields.tweaks = plan.tweaks.map { Descriptor.Tweak($0.scalar.bytes, isXOnly: $0.kind == .xOnly) }
        fields.taproot = plan.taproot.map { Descriptor.Taproot(merkleRoot: $0.merkleRoot?.bytes ?? []) }
        fields.creator = UInt32(clamping: plan.creator)
        fields.election = plan.election
        fields.topology =
            switch plan.topology {
            case .mesh: .mesh
            case .star: .star
            case .automatic: plan.signerKeys.count <= SessionPlan.largestAutomaticMesh ? .mesh : .star
            }
        fields.hasCommitmentRound = plan.hasCommitmentRound
        fields.commitTimeoutMilliseconds = plan.hasCommitmentRound ? plan.commitmentTimeout.wholeMilliseconds : 0
        fields.nonceTimeoutMilliseconds = plan.nonceTimeout.wholeMilliseconds
        fields.partialTimeoutMilliseconds = plan.partialTimeout.wholeMilliseconds
        fields.metadata = plan.metadata
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { Descriptor.Metadata($0.key, $0.value) }
        return fields
    }

    /// By id.
    public static func == (left: SessionDescriptor, right: SessionDescriptor) -> Bool { left.id == right.id }

    /// By id.
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

extension SessionDescriptor {
    /// What is to be signed.
    public var messages: [[UInt8]] { fields.messages }

    /// The creator's position.
    public var creator: Int { Int(fields.creator) }

    /// Which signers talk to each other.
    public var topology: SessionTopology { fields.topology }

    /// Whether nonces are committed to before they are shown.
    public var hasCommitmentRound: Bool { fields.hasCommitmentRound }

    /// When the session was made, in milliseconds since 1970.
    public var createdMilliseconds: UInt64 { fields.createdMilliseconds }

    /// When the session ends, in milliseconds since 1970.
    public var expiryMilliseconds: UInt64 { fields.expiresMilliseconds }

    /// The order of coordinators.
    public var electionOrder: ElectionOrder {
        ElectionOrder(method: fields.election, session: id, signerKeys: signerKeys)
    }

    /// The signers' keys and the key that is signed for: the tweaks as listed, or the one that commits to a Taproot
    /// output's scripts (BIP-341), are applied.
    ///
    /// - Returns: The aggregate key with what it was made of.
    /// - Throws: ``DescriptorError/invalidAggregateKey(_:)``: tweaks that cancel the key, for which nobody can sign.
    public func keyAggContext() throws(DescriptorError) -> KeyAggContext {
        do {
            let keys = try KeyAggContext(keys: signerKeys)
            guard let taproot else { return try keys.applyingTweaks(tweaks) }
            let root = taproot.merkleRoot?.bytes ?? []
            let hash = TaggedHash("TapTweak").hash(keys.xOnlyKey.rawRepresentation + root)
            return try keys.applyingTweak(Tweak(bytes: hash.bytes, kind: .xOnly))
        } catch {
            throw .invalidAggregateKey("\(error)")
        }
    }

    /// The key that the signatures are for, all tweaks applied: what a signer approves. The signers alone do not say it where there are
    /// raw tweaks. It costs one multiplication a signer.
    ///
    /// - Returns: The final key, as BIP-340 knows it.
    /// - Throws: ``DescriptorError/invalidAggregateKey(_:)``: tweaks that cancel the key, for which nobody can sign.
    public func finalKey() throws(DescriptorError) -> XOnlyPublicKey {
        try keyAggContext().xOnlyKey
    }

    /// Whether there are tweaks that the creator chose as numbers, plain or x-only. Such a tweak can turn the signers' key into any key of
    /// which the creator knows the difference; one of Taproot cannot, since each signer computes it from the internal key and the root.
    public var hasRawTweaks: Bool { !tweaks.isEmpty }

    /// How long an attempt waits for a column; nil for one that may take until the session expires.
    ///
    /// - Parameter column: The column.
    /// - Returns: The time in the first attempt.
    public func timeout(of column: Column) -> Duration? {
        switch column {
        case .joins: nil
        case .commitments, .commitmentsComplete: .milliseconds(Int64(clamping: fields.commitTimeoutMilliseconds))
        case .nonces, .noncesComplete: .milliseconds(Int64(clamping: fields.nonceTimeoutMilliseconds))
        case .partials, .signature: .milliseconds(Int64(clamping: fields.partialTimeoutMilliseconds))
        }
    }

    /// Judges the times by the own clock.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - limits: What to accept.
    /// - Throws: ``DescriptorError/createdInFuture(milliseconds:limit:)``,
    ///   ``DescriptorError/expired(sinceMilliseconds:)`` or ``DescriptorError/expiryTooFar(milliseconds:limit:)``.
    public func checkTimes(at now: Now, limits: SessionLimits = .standard) throws(DescriptorError) {
        let wall = now.wallMilliseconds
        if createdMilliseconds > wall, createdMilliseconds - wall > limits.clockTolerance {
            throw .createdInFuture(milliseconds: createdMilliseconds - wall, limit: limits.clockTolerance)
        }
        guard expiryMilliseconds > wall else { throw .expired(sinceMilliseconds: wall - expiryMilliseconds) }
        if expiryMilliseconds - wall > limits.lifetime {
            throw .expiryTooFar(milliseconds: expiryMilliseconds - wall, limit: limits.lifetime)
        }
    }

    /// Finds oneself among the signers.
    ///
    /// - Parameters:
    ///   - signerKey: The own signer key.
    ///   - messageKey: The own message key; nil if it is the signer key.
    /// - Returns: The own position.
    /// - Throws: ``DescriptorError/notASigner`` or ``DescriptorError/wrongMessageKey(index:)``.
    public func position(of signerKey: PublicKey, messageKey: PublicKey? = nil) throws(DescriptorError) -> Int {
        guard let index = signerKeys.firstIndex(of: signerKey) else { throw .notASigner }
        guard messageKeys[index] == (messageKey ?? signerKey).xOnly else { throw .wrongMessageKey(index: index) }
        return index
    }
}

extension Duration {
    /// Whole milliseconds; 0 for a negative duration.
    var wholeMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000)
        return overflow
            ? .max : product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000_000_000).partialValue
    }
}
