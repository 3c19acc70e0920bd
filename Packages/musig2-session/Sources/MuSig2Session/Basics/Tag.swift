public import Secp256k1

/// What a hash or a protocol signature is for: the closed list of tags, each prefixed `musig2-p2p/`.
///
/// A signature made under one tag verifies under no other, and no interface takes a raw digest to sign with a signer's
/// key, so that nothing crafted as a handshake, a transaction's hash or another tag's input is ever signed as what it
/// is not.
public struct Tag: Hashable, Sendable, CustomStringConvertible {
    private let tagged: TaggedHash

    private init(_ name: String) {
        tagged = TaggedHash("musig2-p2p/" + name)
    }

    /// Session ids.
    public static let session = Tag("session")
    /// Signatures under announcements.
    public static let announcement = Tag("announcement")
    /// Signatures under message bodies.
    public static let message = Tag("message")
    /// Leaves: one signer's nonces of one attempt and run.
    public static let nonces = Tag("nonces")
    /// Transcripts: the leaves of all signers.
    public static let transcript = Tag("transcript")
    /// Contexts: a transcript and the aggregate nonces.
    public static let context = Tag("context")
    /// The order of coordinators.
    public static let election = Tag("election")
    /// Provider keys of a session and a day.
    public static let rendezvous = Tag("rendezvous")
    /// Provider keys of a message key and a day.
    public static let inbox = Tag("inbox")
    /// The provider's proof in the first exchange.
    public static let helloProvider = Tag("hello-provider")
    /// The joiner's proof in the first exchange.
    public static let helloJoiner = Tag("hello-joiner")

    /// All tags.
    public static let all: [Tag] = [
        session, announcement, message, nonces, transcript, context, election, rendezvous, inbox, helloProvider,
        helloJoiner,
    ]

    /// H(tag, bytes), the tagged hash of BIP-340.
    ///
    /// - Parameter bytes: What is hashed.
    /// - Returns: The hash.
    public func hash(_ bytes: [UInt8]) -> Hash32 { tagged.hash(bytes) }

    /// sign_tag(key, bytes) = BIP340.Sign(key, H(tag, bytes), 32 fresh random bytes).
    ///
    /// - Parameters:
    ///   - bytes: What is signed.
    ///   - key: The signer's message key.
    /// - Returns: The signature, 64 bytes.
    /// - Throws: `SigningError` if the library refuses, which no valid key makes it do.
    public func sign(_ bytes: [UInt8], with key: borrowing SecretKey) throws(SigningError) -> SchnorrSignature {
        try key.schnorrSignature(for: hash(bytes))
    }

    /// Whether a signature is sign_tag of these bytes under a key.
    ///
    /// - Parameters:
    ///   - signature: The signature.
    ///   - bytes: What should be signed.
    ///   - key: The message key, x only.
    /// - Returns: Whether it is.
    public func isValid(_ signature: SchnorrSignature, for bytes: [UInt8], by key: XOnlyPublicKey) -> Bool {
        key.isValidSignature(signature, for: hash(bytes))
    }

    /// The tag itself.
    public var description: String { String(decoding: tagged.tag, as: UTF8.self) }
}
