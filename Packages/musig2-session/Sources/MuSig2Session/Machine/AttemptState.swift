internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// A JOIN that fills a slot. Slots hash by what tells them apart, which is little: machines are hashed by the million.
internal struct JoinSlot: Hashable, Sendable {
    let message: SignedMessage
    let peer: PeerID
    let addresses: [[UInt8]]
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(run)
        hasher.combine(peer)
    }
}

/// A NONCE_COMMIT, or a NONCE_COMMITS_COMPLETE, that fills a slot: both say one hash.
internal struct HashSlot: MessageSlot, Hashable, Sendable {
    let message: SignedMessage
    let hash: Hash32
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(run)
        hasher.combine(hash)
    }
}

/// A NONCE_SHARE that fills a slot.
internal struct NonceSlot<Nonces: Hashable & Sendable>: MessageSlot, Hashable, Sendable {
    let message: SignedMessage
    let leaf: Hash32
    let nonces: Nonces
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(leaf)
    }
}

/// A NONCES_COMPLETE that fills a slot.
internal struct AggregateSlot<Context: Hashable & Sendable>: Hashable, Sendable {
    let message: SignedMessage
    let leaves: [Hash32]
    let aggregateNonces: [[UInt8]]
    let context: Context
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(leaves)
        hasher.combine(run)
    }
}

/// A PARTIAL_SIG_SHARE that fills a slot.
internal struct PartialSlot: MessageSlot, Hashable, Sendable {
    let message: SignedMessage
    let context: Hash32
    let partials: [[UInt8]]
    /// Whether it was looked at by itself and is right.
    var isVerified = false
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(run)
        hasher.combine(context)
    }
}

/// What all signers' nonces make of an attempt. Once it is here, the nonces are used: none is replaced.
internal struct Agreement<Context: Hashable & Sendable>: Hashable, Sendable {
    /// The leaf of each signer.
    let leaves: [Hash32]
    /// T, the hash of the leaves.
    let transcript: Hash32
    /// C, the hash of T and the aggregate nonces.
    let contextHash: Hash32
    /// One for each message, 66 bytes.
    let aggregateNonces: [[UInt8]]
    /// What signing needs.
    let context: Context

    func hash(into hasher: inout Hasher) {
        hasher.combine(contextHash)
    }
}

/// What became of this signer's secret nonces of the attempt.
internal enum OwnNonces: Hashable, Sendable {
    /// They are not drawn.
    case none
    /// They were asked for.
    case requested(NonceHandle)
    /// They are in the vault; these are the public ones.
    case held(NonceHandle, [[UInt8]])
    /// They are being used.
    case signing(NonceHandle)
    /// There are none any more, and there will be none in this attempt and run.
    case spent

    /// The handle under which there may be secret nonces.
    var handle: NonceHandle? {
        switch self {
        case .requested(let handle), .held(let handle, _), .signing(let handle): handle
        case .none, .spent: nil
        }
    }
}

/// Why and until when the next attempt is waited for.
internal struct Wait: Hashable, Sendable {
    let reason: RestartReason
    let newRuns: [Int]
    let until: Duration
}

/// The slots of one attempt.
internal struct AttemptState<Crypto: SessionCrypto>: Hashable, Sendable {
    let number: UInt32
    /// The signed message that brought this signer here; none in the first attempt.
    var origin: SignedMessage?
    /// Whoever is named for raising the attempt and gave no reason: it may only have followed.
    var follows: Int?
    /// The attempt that ended early for it.
    var endedEarly: UInt32?
    var ownNonces = OwnNonces.none
    var commitments: Slots<HashSlot>
    var commitmentsComplete: Slots<HashSlot>
    var nonces: Slots<NonceSlot<Crypto.Nonces>>
    var noncesComplete: AggregateSlot<Crypto.Context>?
    var partials: Slots<PartialSlot>
    /// T over the commitments, once all are here.
    var committedTranscript: Hash32?
    var agreement: Agreement<Crypto.Context>?
    /// The policy was asked whether to sign.
    var isConfirming = false
    /// The policy said yes.
    var isConfirmed = false
    /// When the attempt is given up because the signers do not agree.
    var disputeEnds: Duration?
    /// Whether the signers have had their time to compare.
    var isCompared = false
    /// Since when its time counts: since it began, or since its first deadline runs; nil: since the machine began.
    var timedFrom: Duration?
    /// Whether a deadline has run in it.
    var isTimed = false
    /// How long the column that is open may take; nil if it has no deadline.
    var deadlineLength: Duration?
    /// The next attempt is due, and beyond what time allows.
    var wait: Wait?
    /// Whose RESTART of this attempt was heard.
    var restartsHeard: Set<Int> = []

    init(number: UInt32, signers: Int) {
        self.number = number
        self.commitments = Slots(signers: 0)
        self.commitmentsComplete = Slots(signers: 0)
        self.nonces = Slots(signers: signers)
        self.partials = Slots(signers: signers)
    }

    /// Makes room for a commitment round.
    mutating func addCommitmentRound(signers: Int) {
        commitments = Slots(signers: signers)
        commitmentsComplete = Slots(signers: signers)
    }

    /// Whether there is a message in a slot, without a copy of it.
    func isFilled(_ column: Column, _ index: Int) -> Bool { slots(of: column)?.isFilled(at: index) ?? false }

    /// The message in a slot.
    func message(_ column: Column, _ index: Int) -> SignedMessage? { slots(of: column)?.message(at: index) }

    private func slots(of column: Column) -> (any MessageSlots)? {
        switch column {
        case .commitments: commitments
        case .commitmentsComplete: commitmentsComplete
        case .nonces: nonces
        case .noncesComplete: noncesComplete
        case .partials: partials
        case .joins, .signature: nil
        }
    }
}

/// What fills a slot: a message, and what follows from it.
internal protocol MessageSlot {
    var message: SignedMessage { get }
}

/// Where the messages of a column are.
private protocol MessageSlots {
    func isFilled(at index: Int) -> Bool
    func message(at index: Int) -> SignedMessage?
}

extension Slots: MessageSlots where Value: MessageSlot {
    func isFilled(at index: Int) -> Bool { index < count && isFilled(index) }

    func message(at index: Int) -> SignedMessage? { index < count ? self[index]?.message : nil }
}

/// Of the coordinator alone.
extension AggregateSlot: MessageSlots {
    func isFilled(at index: Int) -> Bool { Int(message.body.index) == index }

    func message(at index: Int) -> SignedMessage? { isFilled(at: index) ? message : nil }
}
