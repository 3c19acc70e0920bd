public import Secp256k1

extension SigningSession {
    /// Adds up the partial signatures and verifies the result (PartialSigAgg, then the scheme's own verification).
    ///
    /// The partial signatures are not verified one by one unless the result is wrong and the public nonces are given:
    /// one verification in the good case whatever the number of signers, and the names of those to blame in the other.
    ///
    /// - Parameters:
    ///   - partials: One partial signature of each signer, in the order of the keys.
    ///   - publicNonces: The signers' public nonces in the same order, so that a wrong result can be blamed on somebody.
    /// - Returns: The signature, verified.
    /// - Throws: ``AggregationError``.
    public func aggregate(
        _ partials: [PartialSignature], publicNonces: [PublicNonce]? = nil
    ) throws(AggregationError) -> SchnorrSignature {
        guard partials.count == context.keys.count else {
            throw .wrongNumberOfPartialSignatures(expected: context.keys.count, found: partials.count)
        }
        var sum = context.scheme.rules.tweakingSigner == nil ? tweakTerm : .zero
        for partial in partials {
            sum += partial.scalar
        }
        let signature = SchnorrSignature(r: effectiveNonce.x, s: sum.hash32)
        if isValid(signature) {
            return signature
        }
        guard let publicNonces else { throw .invalidSignature }
        throw blame(partials, publicNonces: publicNonces)
    }

    /// Adds up partial signatures that came from elsewhere, and names the signer of one that is not a partial signature.
    ///
    /// - Parameters:
    ///   - rawPartials: The 32 bytes of each signer's partial signature, in the order of the keys.
    ///   - publicNonces: The signers' public nonces in the same order, so that a wrong result can be blamed on somebody.
    /// - Returns: The signature, verified.
    /// - Throws: ``AggregationError``; `invalidContribution` names the first signer with a partial signature that cannot be
    ///   decoded.
    public func aggregate(
        rawPartials: [[UInt8]], publicNonces: [PublicNonce]? = nil
    ) throws(AggregationError) -> SchnorrSignature {
        guard rawPartials.count == context.keys.count else {
            throw .wrongNumberOfPartialSignatures(expected: context.keys.count, found: rawPartials.count)
        }
        let partials: [PartialSignature]
        do throws(InvalidContribution) {
            partials = try PartialSignature.parse(rawPartials)
        } catch {
            throw .invalidContribution(error)
        }
        return try self.aggregate(partials, publicNonces: publicNonces)
    }

    private func blame(_ partials: [PartialSignature], publicNonces: [PublicNonce]) -> AggregationError {
        guard publicNonces.count == context.keys.count else {
            return .wrongNumberOfPublicNonces(expected: context.keys.count, found: publicNonces.count)
        }
        let sum = AggregateNonce(unchecked: publicNonces)
        guard sum == aggregateNonce else { return .aggregateNonceIsNotTheSum }
        let signers = signersOfInvalid(partials, publicNonces: publicNonces)
        return signers.isEmpty ? .invalidSignature : .invalidPartialSignatures(signers: signers)
    }
}

/// Why partial signatures do not make a signature.
public enum AggregationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is not one partial signature for each signer.
    case wrongNumberOfPartialSignatures(expected: Int, found: Int)
    /// There is not one public nonce for each signer.
    case wrongNumberOfPublicNonces(expected: Int, found: Int)
    /// A signer's partial signature cannot be decoded.
    case invalidContribution(InvalidContribution)
    /// These signers' partial signatures do not fit their keys and nonces; the indices ascend.
    case invalidPartialSignatures(signers: [Int])
    /// The public nonces add up to something else than the session's aggregate nonce. This blames the aggregator,
    /// and no signer: a partial signature made for a wrong sum is not its signer's fault.
    case aggregateNonceIsNotTheSum
    /// The signature is wrong and nobody can be named: no public nonces were given, or each partial signature fits and
    /// the nonces cancel each other.
    case invalidSignature

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .wrongNumberOfPartialSignatures(let expected, let found):
            "partial signatures: expected \(expected), found \(found)"
        case .wrongNumberOfPublicNonces(let expected, let found):
            "public nonces: expected \(expected), found \(found)"
        case .invalidContribution(let contribution):
            "\(contribution)"
        case .invalidPartialSignatures(let signers):
            "partial signatures: expected valid ones, found invalid ones of signers "
                + signers.map(String.init).joined(separator: ", ")
        case .aggregateNonceIsNotTheSum:
            "aggregate nonce: expected the sum of the public nonces, found another"
        case .invalidSignature:
            "signature: expected a valid one as the sum of the partial signatures, found an invalid one"
        }
    }
}
