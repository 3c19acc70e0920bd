public import Multiformats
internal import Secp256k1
public import WireCodec

/// This signer's peer, as its JOIN names it.
public struct LocalPeer: Hashable, Sendable {
    /// The peer id.
    public let peer: PeerID

    /// Binary multiaddrs under which it can be reached: at most 8 of at most 128 bytes.
    public let addresses: [[UInt8]]

    /// Other signers of the session that this peer carries too, by index. A JOIN of anyone else that names this peer is a
    /// lie.
    public let otherSigners: Set<Int>

    /// A peer and its addresses.
    ///
    /// - Parameters:
    ///   - peer: The peer id.
    ///   - addresses: Binary multiaddrs: at most 8 of at most 128 bytes.
    ///   - otherSigners: Other signers of the session that this peer carries too, by index.
    public init(peer: PeerID, addresses: [[UInt8]], otherSigners: Set<Int> = []) {
        self.peer = peer
        self.addresses = addresses
        self.otherSigners = otherSigners
    }
}

/// What a store has of a session: a new run goes on from it.
public struct SessionLedger: Hashable, Sendable {
    /// This signer's recorded NONCE_SHAREs, in no order.
    public var nonces: [SignedMessage] = []

    /// This signer's recorded PARTIAL_SIG_SHAREs, in no order.
    public var partials: [SignedMessage] = []

    /// The newest JOIN of each signer that has one.
    public var joins: [Int: SignedMessage] = [:]

    /// The signatures, if the session was complete.
    public var signatures: [[UInt8]]?

    /// How the session ended without signatures, if it did: such a machine answers, and signs nothing. One that was left is gone on with by
    /// leaving this away.
    public var end: SessionEnd?

    /// A new session's: nothing.
    public init() {}
}

/// What does not change in a session's life. A class, so that copying a machine copies one reference.
internal final class SessionConstants<Crypto: SessionCrypto>: Hashable, Sendable {
    let descriptor: SessionDescriptor
    let crypto: Crypto
    let me: Int
    let local: LocalPeer
    let configuration: SessionConfiguration
    let order: ElectionOrder
    /// The session's id, as it is in every message.
    let idBytes: [UInt8]

    init(
        descriptor: SessionDescriptor, crypto: Crypto, me: Int, local: LocalPeer, configuration: SessionConfiguration
    ) {
        self.descriptor = descriptor
        self.crypto = crypto
        self.me = me
        self.local = local
        self.configuration = configuration
        self.order = descriptor.electionOrder
        self.idBytes = descriptor.id.bytes
    }

    static func == (left: SessionConstants, right: SessionConstants) -> Bool {
        left === right
            || (left.descriptor == right.descriptor && left.crypto == right.crypto && left.me == right.me
                && left.local == right.local && left.configuration == right.configuration)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(descriptor)
        hasher.combine(me)
    }
}

/// Whether the application wants the session.
internal enum Consent: Hashable, Sendable {
    case none
    case approved
    case withdrawn
}

/// How a session ended here.
internal enum Outcome: Hashable, Sendable {
    case completed([SchnorrSignature])
    case aborted(AbortReport, message: SignedMessage?)
    case expired
    case superseded
    case refused
    case declined(OwnDecline)
    case left
}

/// How this signer declined.
internal struct OwnDecline: Hashable, Sendable {
    let reason: String
    /// The DECLINE, once it is durable.
    var message: SignedMessage?
    /// Whether it was sent to a peer that a signer is at for sure, in this life of the machine, or another signer has ended the session.
    var isTold = false
}

/// A message on its way through the caller's hands.
internal struct PendingIssue: Hashable, Sendable {
    let message: UnsignedMessage
    let record: LedgerRow
    /// When a refused one is asked for again.
    var retryAt: Duration?
}

/// What this signer knows to have recorded.
internal struct OwnLedger: Hashable, Sendable {
    struct Key: Hashable, Sendable {
        let attempt: UInt32
        let run: UInt64
    }

    /// How many attempts back single rows are remembered: there may be any number of attempts.
    static let window: UInt32 = 256

    var nonces: Set<Key> = []
    var partials: Set<Key> = []
    /// Below this attempt nothing is remembered, and nothing follows from what comes back.
    var remembersFrom: UInt32 = 0
    /// Whether a partial of this signer may have left.
    var mayHaveSigned = false
    /// Whether an earlier run of this signer may have joined.
    var hasJoined = false
    /// Whether others remember more of this signer than its store.
    var isIncomplete = false

    /// Forgets the single rows of attempts that are long over; the store has them.
    mutating func reach(_ attempt: UInt32) {
        guard attempt > Self.window, attempt - Self.window > remembersFrom else { return }
        remembersFrom = attempt - Self.window
        let first = remembersFrom
        nonces = nonces.filter { $0.attempt >= first }
        partials = partials.filter { $0.attempt >= first }
    }
}

/// One call of `handle`.
internal struct Turn<Crypto: SessionCrypto> {
    let now: Now
    var effects: [SessionEffect<Crypto.Context>] = []
    /// Peers that are due a SYNC, by what for: those that just connected are asked in any case, the others if the wants
    /// grew.
    var connectedPeers: [PeerID] = []
    var asksAll = false
    /// Signers are asked for their own messages too, which come without asking unless they were lost.
    var asksOwners = false
    /// The SYNCs of this turn carry the leaves.
    var disputes = false

    init(now: Now) {
        self.now = now
    }

    mutating func tell(_ event: SessionEvent) {
        effects.append(.event(event))
    }

    /// Adds to the last bundle for the peer if nothing else came between.
    mutating func send(_ item: SessionItem, to peer: PeerID) {
        // The bundle is taken out, so that it grows in place: an answer to a SYNC may have thousands of items.
        guard case .send(_, let last)? = effects.last, last == peer, case .send(var items, _)? = effects.popLast()
        else { return effects.append(.send([item], to: peer)) }
        items.append(item)
        effects.append(.send(items, to: peer))
    }
}

extension SessionMachine {
    internal var me: Int { constants.me }
    internal var crypto: Crypto { constants.crypto }
    internal var configuration: SessionConfiguration { constants.configuration }
    internal var signerCount: Int { joins.count }
    internal var isStar: Bool { constants.descriptor.topology == .star }
    internal var hasCommitmentRound: Bool { constants.descriptor.hasCommitmentRound }
    internal var coordinator: Int? { constants.order.coordinator(ofAttempt: attempt.number) }
    internal var isCoordinator: Bool { isStar && coordinator == me }

    /// Whether slots are gathered here: approved and not over.
    internal var isRunning: Bool { isOpen && consent == .approved }

    /// Whether the session is not over. By its case: a comparison would copy the outcome.
    internal var isOpen: Bool {
        if case nil = outcome { true } else { false }
    }

    internal func makeAttempt(_ number: UInt32) -> AttemptState<Crypto> {
        var state = AttemptState<Crypto>(number: number, signers: signerCount)
        if hasCommitmentRound { state.addCommitmentRound(signers: signerCount) }
        return state
    }

    /// The message in a slot.
    internal func message(in slot: Slot) -> SignedMessage? {
        guard slot.index < signerCount else { return nil }
        return slot.column == .joins ? joins[slot.index]?.message : attempt.message(slot.column, slot.index)
    }

    /// Whether there is a message in a slot, without a copy of it.
    internal func isFilled(_ slot: Slot) -> Bool {
        guard slot.index < signerCount else { return false }
        return slot.column == .joins ? joins.isFilled(slot.index) : attempt.isFilled(slot.column, slot.index)
    }

    internal func isFull(_ column: Column) -> Bool {
        switch column {
        case .joins: joins.isFull
        case .commitments: attempt.commitments.isFull
        case .commitmentsComplete: attempt.commitmentsComplete.isFull
        case .nonces: attempt.nonces.isFull
        case .noncesComplete: attempt.noncesComplete != nil
        case .partials: attempt.partials.isFull
        case .signature: signatures != nil
        }
    }

    /// The columns that this signer needs in this attempt, in order.
    internal var neededColumns: [Column] {
        let hasPartial = attempt.partials.isFilled(me)
        if isStar {
            if isCoordinator { return [.joins, .nonces, .partials] }
            return hasPartial ? [.joins, .signature] : [.joins, .noncesComplete, .signature]
        }
        // Whoever has a partial already has been through the commitment round, perhaps in an earlier run.
        if hasCommitmentRound, !hasPartial { return [.joins, .commitments, .commitmentsComplete, .nonces, .partials] }
        return [.joins, .nonces, .partials]
    }
}
