public import Secp256k1

/// Signing without a secret nonce to keep: for one signer of a session that signs last, knowing the sum of the others'
/// nonces (BIP-327, DeterministicSign).
///
/// At most one signer of a session may do so. Safe because the nonce is a hash of everything that the partial signature
/// depends on: other inputs, another nonce.
public enum DeterministicSigning {
    private static let auxiliaryHash = TaggedHash("MuSig/aux")
    private static let nonceHash = TaggedHash("MuSig/deterministic/nonce")

    /// What the deterministic signer sends to the others.
    public struct Result: Sendable, Hashable {
        /// The signer's public nonce.
        public let publicNonce: PublicNonce

        /// The signer's partial signature.
        public let partialSignature: PartialSignature

        /// The session with the sum of all nonces, in which everything else goes on.
        public let session: SigningSession
    }

    /// Makes this signer's nonce and partial signature in one step.
    ///
    /// - Parameters:
    ///   - secretKey: The signer's key, one of the context's.
    ///   - context: The signers' keys, with all tweaks applied.
    ///   - aggregateOtherNonce: The sum of the public nonces of all other signers: 66 bytes, neither half the point at
    ///     infinity.
    ///   - message: What is signed, of any length.
    ///   - auxiliaryRandomness: 32 fresh random bytes, which protect against side channels and faults; nil if there are
    ///     none.
    /// - Returns: The public nonce, the partial signature and the session.
    /// - Throws: ``DeterministicSigningError``.
    public static func sign(
        with secretKey: borrowing SecretKey,
        context: KeyAggContext,
        aggregateOtherNonce: [UInt8],
        message: [UInt8],
        auxiliaryRandomness: Hash32?
    ) throws(DeterministicSigningError) -> Result {
        guard context.firstIndex(of: secretKey.publicKey) != nil else {
            throw .signing(.signerNotAmongKeys(secretKey.publicKey))
        }
        let others: PublicNonce
        do throws(ContributionError) {
            others = try PublicNonce(rawRepresentation: aggregateOtherNonce)
        } catch {
            throw .invalidContribution(
                InvalidContribution(signer: nil, contribution: .aggregateOtherNonce, reason: error)
            )
        }
        let nonce = self.nonce(
            secretKey: secretKey,
            aggregateOtherNonce: others,
            context: context,
            message: message,
            auxiliaryRandomness: auxiliaryRandomness
        )
        guard let nonce else { throw .signing(.degenerate) }
        let publicNonce = nonce.publicNonce
        let session: SigningSession
        do throws(SigningSessionError) {
            session = try SigningSession(
                context: context,
                aggregateNonce: AggregateNonce(unchecked: [publicNonce, others]),
                message: message
            )
        } catch {
            throw .session(error)
        }
        do throws(PartialSignError) {
            let partial = try session.sign(nonce, with: secretKey)
            return Result(publicNonce: publicNonce, partialSignature: partial, session: session)
        } catch {
            throw .signing(error)
        }
    }

    /// H(`MuSig/deterministic/nonce`, key or masked key ‖ sum of the others ‖ aggregate key ‖ length ‖ message ‖ 0 or 1).
    private static func nonce(
        secretKey: borrowing SecretKey,
        aggregateOtherNonce: PublicNonce,
        context: KeyAggContext,
        message: [UInt8],
        auxiliaryRandomness: Hash32?
    ) -> SecretNonce? {
        let keyBytes = SecretKey.byteCount
        let count = keyBytes + PublicNonce.byteCount + Hash32.byteCount + 8 + message.count + 1
        let mask = auxiliaryRandomness.map { $0.withUnsafeBytes { auxiliaryHash.hash($0) } } ?? .zero
        var input = SecretBytes(byteCount: count)
        secretKey.withUnsafeBytes { key in
            input.withUnsafeMutableBytes { input in
                var writer = ByteWriter(input)
                writer.append(key)
                mask.withUnsafeBytes { mask in
                    for index in 0..<Swift.min(keyBytes, mask.count) {
                        input[index] ^= mask[index]
                    }
                }
                writer.append(aggregateOtherNonce.first)
                writer.append(aggregateOtherNonce.second)
                writer.append(context.aggregateKey.x)
                writer.append(bigEndian: UInt64(message.count))
                writer.append(message)
            }
        }
        return nonceHash.nonce(of: &input, publicKey: secretKey.publicKey)
    }
}

/// Why a deterministic signer cannot sign.
public enum DeterministicSigningError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The sum of the other signers' nonces cannot be decoded, which blames the aggregator.
    case invalidContribution(InvalidContribution)
    /// The session cannot start.
    case session(SigningSessionError)
    /// The key is not one of the context's, or a number came out as zero.
    case signing(PartialSignError)

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .invalidContribution(let contribution): "\(contribution)"
        case .session(let error): "\(error)"
        case .signing(let error): "\(error)"
        }
    }
}
