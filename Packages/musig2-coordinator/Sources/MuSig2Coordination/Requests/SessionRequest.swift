public import MuSig2
public import MuSig2Session
public import Secp256k1
public import WireCodec

/// What a creator asks for: everything that goes into a session's descriptor, as typed values with defaults.
public struct SessionRequest: Sendable, Hashable {
    /// The signer keys. This node's own must be among them, none twice. A signer's index is its place among the sorted keys, or its place here
    /// if ``sortsSigners`` is false.
    public var signers: [PublicKey]
    /// What is signed, each message of any length; one signature for each.
    public var messages: [[UInt8]]
    /// Whether the signer keys are put into byte order first, as BIP-327's KeySort does: then all who list the same signers have one key, the
    /// one that wallets derive by BIP-390. Without, the order of ``signers`` is part of the key, and whoever verifies needs it too. Indices, and
    /// the elections `first` and `last`, are of the order that comes out.
    public var sortsSigners = true
    /// The keys that sign the protocol's messages, one for each signer in the order of ``signers``; empty: the signer keys do.
    public var messageKeys: [PublicKey] = []
    /// The tweaks of the aggregate key, in order. Not together with ``taproot``. A session with tweaks is refused, here and at the others,
    /// by every policy that does not allow them: <doc:ApprovingSessions>.
    public var tweaks: [Tweak] = []
    /// Whether the session signs under a Taproot output key.
    public var taproot: SessionPlan.Taproot?
    /// What the application wants to tell the signers: at most 8 KiB, shown to them, part of what they approve.
    public var metadata: [String: String] = [:]
    /// The methods by which the session can be found, by all signers that join; `.invitation`: by invitation alone.
    public var discovery: Set<DiscoveryMethod> = [.rendezvous]
    /// How long the session lives, at most 30 days; nil: as the configuration says.
    public var lifetime: Duration?
    /// Who sends to whom.
    public var topology = SessionPlan.Topology.automatic
    /// In which order the signers become coordinator; `first` and `last` go by index.
    public var election = ElectionMethod.hashWithID
    /// Whether everybody commits to the nonces before any nonce is shown; mesh only.
    public var hasCommitmentRound = false
    /// How long an attempt waits for commitments; nil: as the configuration says.
    public var commitmentTimeout: Duration?
    /// How long an attempt waits for nonces; nil: as the configuration says.
    public var nonceTimeout: Duration?
    /// How long an attempt waits for partial signatures; nil: as the configuration says.
    public var partialTimeout: Duration?

    /// A request with the defaults for everything but the signers and the messages.
    ///
    /// - Parameters:
    ///   - signers: The signer keys.
    ///   - messages: What is signed.
    public init(signers: [PublicKey], messages: [[UInt8]]) {
        self.signers = signers
        self.messages = messages
    }
}
