public import MuSig2
public import Secp256k1
public import WireCodec

/// What a creator wants: a descriptor before it has a random part, times and a resolved topology.
public struct SessionPlan: Sendable, Hashable {
    /// How signers talk.
    public enum Topology: Sendable, Hashable {
        /// Mesh up to 8 signers, star above.
        case automatic
        /// Everyone to everyone.
        case mesh
        /// Everyone to the coordinator of the attempt.
        case star
    }

    /// The signers' keys. The position is the signer's index.
    public var signerKeys: [PublicKey]
    /// The keys of the signers' protocol signatures, if they differ from the signer keys; one for each signer.
    public var messageKeys: [PublicKey]?
    /// Whether the signer keys are sorted, and must be: message keys and the creator's position go with them.
    public var isSorted = false
    /// What is to be signed; of any length, at least one.
    public var messages: [[UInt8]]
    /// The tweaks of the aggregate key, in order.
    public var tweaks: [Tweak] = []
    /// The aggregate key as the internal key of a Taproot output; not together with ``tweaks``.
    public var taproot: Taproot?
    /// The creator's position.
    public var creator: Int
    /// How the order of coordinators is found.
    public var election = ElectionMethod.hashWithID
    /// How signers talk.
    public var topology = Topology.automatic
    /// Whether nonces are committed to before they are shown (mesh only).
    public var hasCommitmentRound = false
    /// How long an attempt waits for commitments. 1 min.
    public var commitmentTimeout: Duration = .seconds(60)
    /// How long an attempt waits for nonces. 5 min.
    public var nonceTimeout: Duration = .seconds(300)
    /// How long an attempt waits for partial signatures. 5 min.
    public var partialTimeout: Duration = .seconds(300)
    /// How long the session lives. 2 h.
    public var lifetime: Duration = .seconds(7_200)
    /// Pairs of text that the application gives a meaning; keys are different and not empty.
    public var metadata: [String: String] = [:]

    /// A plan with the protocol's defaults.
    ///
    /// - Parameters:
    ///   - signerKeys: The signers' keys.
    ///   - messages: What is to be signed.
    ///   - creator: The creator's position.
    public init(signerKeys: [PublicKey], messages: [[UInt8]], creator: Int) {
        self.signerKeys = signerKeys
        self.messages = messages
        self.creator = creator
    }

    /// The Taproot output that has the aggregate key as its internal key (BIP-341).
    public struct Taproot: Sendable, Hashable {
        /// The root of the script tree; nil for an output without scripts.
        public var merkleRoot: Hash32?

        /// An output.
        ///
        /// - Parameter merkleRoot: The root of the script tree; nil for an output without scripts.
        public init(merkleRoot: Hash32? = nil) {
            self.merkleRoot = merkleRoot
        }
    }

    /// Most signers for which ``Topology/automatic`` is a mesh.
    public static let largestAutomaticMesh = 8
}
