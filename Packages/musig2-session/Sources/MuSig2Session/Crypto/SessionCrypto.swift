public import Secp256k1

/// What a session computes: the seam between its rules and the curve.
///
/// ``BIP327`` is the real one. A test may put a small group in its place and try all orders of events. An instance
/// knows the descriptor; everything it is given is public.
public protocol SessionCrypto: Hashable, Sendable {
    /// One signer's public nonces, one for each message, parsed.
    associatedtype Nonces: Hashable & Sendable

    /// What signing, verifying and adding up need of one attempt, for all messages.
    associatedtype Context: Hashable & Sendable

    /// The key that the final signatures are for, all tweaks applied.
    var finalKey: XOnlyPublicKey { get }

    /// H(tag, bytes).
    ///
    /// - Parameters:
    ///   - tag: What the hash is for.
    ///   - bytes: What is hashed.
    /// - Returns: The hash.
    func hash(_ tag: Tag, _ bytes: [UInt8]) -> Hash32

    /// Whether a body is signed by a signer's message key under the tag `message`.
    ///
    /// - Parameters:
    ///   - signature: 64 bytes.
    ///   - body: The body as received.
    ///   - signer: The signer's position.
    /// - Returns: Whether it is.
    func isValid(signature: [UInt8], ofBody body: [UInt8], signer: Int) -> Bool

    /// Parses one signer's public nonces.
    ///
    /// - Parameter bytes: 66 bytes for each message.
    /// - Returns: The nonces; nil if there are too few or too many, or one is no pair of points.
    func nonces(_ bytes: [[UInt8]]) -> Nonces?

    /// Adds up all signers' nonces.
    ///
    /// - Parameter nonces: One value for each signer, in their order.
    /// - Returns: The aggregate nonces, 66 bytes for each message, and what signing needs; nil if the scheme refuses
    ///   the sum.
    func aggregate(_ nonces: [Nonces]) -> (aggregateNonces: [[UInt8]], context: Context)?

    /// Reads aggregate nonces that a coordinator added up.
    ///
    /// - Parameter aggregateNonces: 66 bytes for each message.
    /// - Returns: What signing needs; nil if there are too few or too many, or one does not parse.
    func context(aggregateNonces: [[UInt8]]) -> Context?

    /// Whether there is one partial signature for each message, each a number below the order of the group.
    ///
    /// - Parameter partials: 32 bytes for each message.
    /// - Returns: Whether they are.
    func isWellFormed(partials: [[UInt8]]) -> Bool

    /// Whether all of one signer's partial signatures are valid.
    ///
    /// - Parameters:
    ///   - partials: 32 bytes for each message.
    ///   - nonces: The same signer's nonces.
    ///   - signer: The signer's position.
    ///   - context: The attempt.
    /// - Returns: Whether they are.
    func isValid(partials: [[UInt8]], nonces: Nonces, signer: Int, context: Context) -> Bool

    /// Adds up all signers' partial signatures, and verifies the sums.
    ///
    /// - Parameters:
    ///   - partials: For each signer, 32 bytes for each message.
    ///   - context: The attempt.
    /// - Returns: One verified signature for each message; nil if one is invalid.
    func signatures(partials: [[[UInt8]]], context: Context) -> [SchnorrSignature]?

    /// Whether these are valid signatures of all the descriptor's messages, in order.
    ///
    /// - Parameter signatures: One signature for each message.
    /// - Returns: Whether they are.
    func isValid(signatures: [SchnorrSignature]) -> Bool
}
