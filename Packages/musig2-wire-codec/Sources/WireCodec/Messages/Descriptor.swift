/// The signature schemes.
public enum SchemeID: UInt32, Hashable, Sendable, CaseIterable {
    /// MuSig2 with BIP-340 signatures (BIP-327).
    case bip340 = 1
    /// The Schnorr signatures of the Lotus chain.
    case lotus = 2
}

/// How the order of the signers, in which they coordinate, is found.
public enum ElectionMethod: UInt32, Hashable, Sendable, CaseIterable {
    /// By the hash of session id and signer key; the default.
    case hashWithID = 1
    /// By signer key.
    case lexicographic = 2
    /// By the hash of the signer key.
    case hash = 3
    /// By index, ascending.
    case first = 4
    /// By index, descending.
    case last = 5
    /// Nobody is elected (mesh only).
    case off = 6
}

/// Which signers talk to each other.
public enum SessionTopology: UInt32, Hashable, Sendable, CaseIterable {
    /// Everyone to everyone.
    case mesh = 1
    /// Everyone to the coordinator of the attempt.
    case star = 2
}

/// A session: what is to be signed, by which signers and how. Immutable; its encoded bytes are hashed to the session id.
public struct Descriptor: WireMessage {
    /// A tweak of the aggregate key.
    public struct Tweak: Hashable, Sendable {
        /// 32 bytes, a scalar.
        public var tweak: [UInt8]
        /// Whether it is applied to the x-only key.
        public var isXOnly: Bool

        /// Makes a tweak of its 32 bytes.
        public init(_ tweak: [UInt8], isXOnly: Bool) {
            self.tweak = tweak
            self.isXOnly = isXOnly
        }
    }

    /// The aggregate key as internal key of a Taproot output (BIP-341).
    public struct Taproot: Hashable, Sendable {
        /// 32 bytes, or none for an output without scripts.
        public var merkleRoot: [UInt8]

        /// Makes a Taproot output's tweak.
        public init(merkleRoot: [UInt8] = []) { self.merkleRoot = merkleRoot }
    }

    /// A pair that the application gave a meaning.
    public struct Metadata: Hashable, Sendable {
        /// What the value is; not empty.
        public var key: String
        /// The value.
        public var value: String

        /// Makes a pair.
        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    /// The only version there is.
    public static let currentVersion: UInt32 = 1

    /// The version of the protocol: 1.
    public var version = Descriptor.currentVersion
    /// The signature scheme.
    public var scheme = SchemeID.bip340
    /// Whether the signer keys are in ascending byte order, and mean to be.
    public var isSorted = false
    /// The signers' keys, 33 bytes each, 1 to 1,000; the position is the signer's index.
    public var signerKeys: [[UInt8]]
    /// The keys of the signers' protocol signatures, 33 bytes each; empty when they are the signer keys.
    public var messageKeys: [[UInt8]] = []
    /// What is to be signed, at least one; of any length under `bip340`, 32 bytes each under `lotus`.
    public var messages: [[UInt8]]
    /// The tweaks of the aggregate key, in order.
    public var tweaks: [Tweak] = []
    /// The Taproot tweak of the aggregate key; not together with ``tweaks``.
    public var taproot: Taproot?
    /// The index of the signer that announces.
    public var creator: UInt32 = 0
    /// How the order of coordinators is found.
    public var election = ElectionMethod.hashWithID
    /// Which signers talk to each other.
    public var topology = SessionTopology.mesh
    /// Whether nonces are committed to before they are shown (mesh only).
    public var hasCommitmentRound = false
    /// The time for commitments, in milliseconds; 0 without a commitment round.
    public var commitTimeoutMilliseconds: UInt64 = 0
    /// The time for nonces, in milliseconds.
    public var nonceTimeoutMilliseconds: UInt64 = 300_000
    /// The time for partial signatures, in milliseconds.
    public var partialTimeoutMilliseconds: UInt64 = 300_000
    /// When the session was made, in milliseconds of Unix time.
    public var createdMilliseconds: UInt64
    /// When the session ends, in milliseconds of Unix time.
    public var expiresMilliseconds: UInt64
    /// 32 random bytes, so that the same job twice is two sessions.
    public var random: [UInt8]
    /// What the application adds; keys ascending by their UTF-8 bytes and different.
    public var metadata: [Metadata] = []

    /// Makes a descriptor with the defaults of the protocol; the other fields can be set afterwards.
    public init(
        signerKeys: [[UInt8]], messages: [[UInt8]], createdMilliseconds: UInt64, expiresMilliseconds: UInt64,
        random: [UInt8]
    ) {
        self.signerKeys = signerKeys
        self.messages = messages
        self.createdMilliseconds = createdMilliseconds
        self.expiresMilliseconds = expiresMilliseconds
        self.random = random
    }

    /// `Descriptor`.
    public static let messageName = "Descriptor"
    /// ``WireLimits/descriptorBytes``.
    public static func maximumBytes(_ limits: WireLimits) -> Int { limits.descriptorBytes }
}
