public import Secp256k1

/// One signer's part in one signature, for a program that carries the messages itself.
///
/// Two rounds: each signer sends its public nonce to all, and, once it has the nonces of all, its partial signature.
/// What arrives is added by the key of its signer, in any order; what arrives twice must be the same. The secret nonce is drawn
/// here and never leaves: it makes one partial signature, and goes with this value.
///
/// ```swift
/// var round = try SigningRound(of: message, under: keys, as: secretKey)
/// send(round.publicNonce.rawRepresentation)
/// // For each nonce that arrives:
/// try round.addNonce(bytes, of: key)
/// // When round.missingNonces is empty:
/// send(try round.sign(with: secretKey).rawRepresentation)
/// // For each partial signature that arrives:
/// try round.addPartialSignature(bytes, of: key)
/// // When round.missingPartialSignatures is empty:
/// let signature = try round.signature()
/// ```
///
/// A round that failed is not repeated: the signers begin another, with fresh nonces, and without the signers that the
/// error names if they can. (BIP-327, "General Signing Flow".)
public struct SigningRound: ~Copyable {
    /// The signers, and the key that the signature is for.
    public let context: KeyAggContext

    /// What is signed, of any length.
    public let message: [UInt8]

    /// The key that this value signs for.
    public let publicKey: PublicKey

    /// What this signer sends to the others first: 66 bytes.
    public let publicNonce: PublicNonce

    private var secretNonce: SecretNonce?
    private var nonces: [PublicKey: PublicNonce]
    private var partials: [PublicKey: PartialSignature] = [:]
    /// Made when the nonces of all are there, from which moment they are fixed.
    private var session: SigningSession?

    /// Draws the nonce of this signer, bound to its key, the aggregate key and the message.
    ///
    /// - Parameters:
    ///   - message: What is signed, of any length.
    ///   - context: The signers' keys, each once, with all tweaks applied.
    ///   - secretKey: The key of this signer.
    ///   - extraInput: Whatever else tells this nonce from others; at most ``MuSig2Limits/maximumExtraInputBytes``.
    /// - Throws: `SigningRoundError.repeatedKey`, `SigningRoundError.notASigner`, `SigningRoundError.cannotDrawNonce`.
    public init(
        of message: [UInt8], under context: KeyAggContext, as secretKey: borrowing SecretKey, extraInput: [UInt8] = []
    ) throws(SigningRoundError) {
        let publicKey = secretKey.publicKey
        var seen: Set<PublicKey> = []
        for key in context.keys where !seen.insert(key).inserted { throw .repeatedKey(key) }
        guard seen.contains(publicKey) else { throw .notASigner(publicKey) }
        let nonce = try Self.drawNonce(context, secretKey, message, extraInput)
        self.context = context
        self.message = message
        self.publicKey = publicKey
        publicNonce = nonce.publicNonce
        nonces = [publicKey: nonce.publicNonce]
        secretNonce = consume nonce
    }

    private static func drawNonce(
        _ context: KeyAggContext, _ secretKey: borrowing SecretKey, _ message: [UInt8], _ extraInput: [UInt8]
    ) throws(SigningRoundError) -> SecretNonce {
        do throws(NonceGenError) {
            return try context.nonce(for: secretKey, message: message, extraInput: extraInput)
        } catch {
            throw .cannotDrawNonce(error)
        }
    }

    // MARK: The first round

    /// The signers of missing nonces, in the order of the keys.
    public var missingNonces: [PublicKey] { context.keys.filter { nonces[$0] == nil } }

    /// Adds the public nonce of a signer.
    ///
    /// - Parameters:
    ///   - nonce: What arrived.
    ///   - key: The key of the signer that it came from.
    /// - Throws: `SigningRoundError.notASigner`; `SigningRoundError.conflicting` if another nonce of this signer is here.
    public mutating func addNonce(_ nonce: PublicNonce, of key: PublicKey) throws(SigningRoundError) {
        guard context.firstIndex(of: key) != nil else { throw .notASigner(key) }
        guard nonces[key, default: nonce] == nonce else { throw .conflicting(.publicNonce, of: key) }
        nonces[key] = nonce
    }

    /// Adds the public nonce of a signer, as it arrived.
    ///
    /// - Parameters:
    ///   - bytes: 66 bytes, two points in compressed form.
    ///   - key: The key of the signer that they came from.
    /// - Throws: As ``addNonce(_:of:)-(PublicNonce,_)``, and `SigningRoundError.malformed`.
    public mutating func addNonce(_ bytes: [UInt8], of key: PublicKey) throws(SigningRoundError) {
        let nonce: PublicNonce
        do throws(ContributionError) {
            nonce = try PublicNonce(rawRepresentation: bytes)
        } catch {
            throw .malformed(.publicNonce, of: key, error)
        }
        try addNonce(nonce, of: key)
    }

    // MARK: The second round

    /// Makes this signer's partial signature, which uses the secret nonce up.
    ///
    /// - Parameter secretKey: The key that the round was begun with.
    /// - Returns: What is sent to the others: 32 bytes. A second call returns the same.
    /// - Throws: `SigningRoundError.anotherKey`, and `SigningRoundError.missing` while nonces are: the nonce is kept. In a case of
    ///   negligible chance `SigningRoundError.cannotSign`: the nonce is gone, and the round over.
    public mutating func sign(with secretKey: borrowing SecretKey) throws(SigningRoundError) -> PartialSignature {
        guard secretKey.publicKey == publicKey else {
            throw .anotherKey(expected: publicKey, found: secretKey.publicKey)
        }
        if let partial = partials[publicKey] { return partial }
        let session = try begunSession()
        guard let nonce = secretNonce.take() else { throw .nonceUsedUp }
        let partial: PartialSignature
        do throws(PartialSignError) {
            partial = try session.sign(nonce, with: secretKey)
        } catch {
            throw .cannotSign(error)
        }
        partials[publicKey] = partial
        return partial
    }

    /// The signers of missing partial signatures, in the order of the keys.
    public var missingPartialSignatures: [PublicKey] { context.keys.filter { partials[$0] == nil } }

    /// Adds the partial signature of a signer, which may come before the nonces of all are here. It is not checked alone.
    ///
    /// - Parameters:
    ///   - partial: What arrived.
    ///   - key: The key of the signer that it came from.
    /// - Throws: `SigningRoundError.notASigner`, also for the own key, as its partial signature is made here;
    ///   `SigningRoundError.conflicting` if another partial signature of this signer is here.
    public mutating func addPartialSignature(
        _ partial: PartialSignature, of key: PublicKey
    ) throws(SigningRoundError) {
        guard context.firstIndex(of: key) != nil else { throw .notASigner(key) }
        // The own one is made here, and nowhere else.
        guard let known = partials[key] ?? (key == publicKey ? nil : partial), known == partial else {
            throw .conflicting(.partialSignature, of: key)
        }
        partials[key] = partial
    }

    /// Adds the partial signature of a signer, as it arrived.
    ///
    /// - Parameters:
    ///   - bytes: 32 bytes, a number below the order of the group.
    ///   - key: The key of the signer that they came from.
    /// - Throws: As ``addPartialSignature(_:of:)-(PartialSignature,_)``, and `SigningRoundError.malformed`.
    public mutating func addPartialSignature(_ bytes: [UInt8], of key: PublicKey) throws(SigningRoundError) {
        let partial: PartialSignature
        do throws(ContributionError) {
            partial = try PartialSignature(rawRepresentation: bytes)
        } catch {
            throw .malformed(.partialSignature, of: key, error)
        }
        try addPartialSignature(partial, of: key)
    }

    /// Adds up the partial signatures and verifies the result.
    ///
    /// - Returns: The signature, valid under the aggregate key.
    /// - Throws: `SigningRoundError.missing`; `SigningRoundError.invalidPartialSignatures` names the signers to blame.
    public mutating func signature() throws(SigningRoundError) -> SchnorrSignature {
        let session = try begunSession()
        let ordered = context.keys.compactMap { partials[$0] }
        guard ordered.count == context.keys.count else {
            throw .missing(.partialSignature, of: missingPartialSignatures)
        }
        do throws(AggregationError) {
            return try session.aggregate(ordered, publicNonces: context.keys.compactMap { nonces[$0] })
        } catch {
            guard case .invalidPartialSignatures(let signers) = error else { throw .cannotAggregate(error) }
            throw .invalidPartialSignatures(of: signers.map { context.keys[$0] })
        }
    }

    /// What all signers compute with, once the nonces of all are there.
    private mutating func begunSession() throws(SigningRoundError) -> SigningSession {
        if let session { return session }
        let ordered = context.keys.compactMap { nonces[$0] }
        guard ordered.count == context.keys.count else { throw .missing(.publicNonce, of: missingNonces) }
        do throws(SigningSessionError) {
            let session = try SigningSession(
                context: context, aggregateNonce: AggregateNonce(unchecked: ordered), message: message)
            self.session = session
            return session
        } catch {
            throw .cannotBegin(error)
        }
    }
}
