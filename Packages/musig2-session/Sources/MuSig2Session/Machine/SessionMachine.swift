public import Multiformats
public import Secp256k1
internal import WireCodec

/// One signer's session: what has come in, what may go out, and when.
///
/// A value without sockets, clock, randomness or secrets. It is told inputs and answers with effects, so that a log of
/// inputs replays it. State is slots: (column, index) holds the first valid message, and nothing needs sequence numbers
/// or acknowledgements.
public struct SessionMachine<Crypto: SessionCrypto>: Hashable, Sendable {
    /// What the machine asks its caller to do.
    public typealias Effect = SessionEffect<Crypto.Context>

    internal let constants: SessionConstants<Crypto>
    internal var run: UInt64
    internal var consent = Consent.none
    internal var outcome: Outcome?
    internal var isClosed = false

    internal var joins: Slots<JoinSlot>
    /// The signers that say that they will not join, none of which has a JOIN here.
    internal var declines: [Int: DeclineSlot] = [:]
    internal var attempt: AttemptState<Crypto>
    internal var peers = PeerTable()
    /// How often each signer's JOIN was replaced lately.
    internal var joinPaces: [Int: JoinPace] = [:]
    /// Messages that were asked to be issued and are not issued yet.
    internal var issuing: [PendingIssue] = []
    /// What this run signed, by hash.
    internal var ownMessages = OwnMessages()
    /// Whether it was told that another process has this signer's key.
    internal var hasMetOther = false

    internal var ledger = OwnLedger()
    internal var startedRounds: Set<Round> = []
    internal var verifiesEveryPartial: Bool

    internal var phase: Column?
    internal var deadline: Duration?
    /// How many attempts lasted at least half their deadline here: each doubles the time.
    internal var timeouts = 0
    internal var syncStep = 0
    /// How many steps there were, however often the back-off begins anew: it says which peer is asked in turn, besides the owners.
    internal var syncTurn = 0
    internal var nextSync: Duration?
    /// When expiry is reached, if the wall clock goes as the monotonic one.
    internal var expiryAt: Duration
    internal let startedAt: Duration
    internal var lastActivity: Duration
    /// When this run's JOIN was issued; settled runs take no higher one.
    internal var joinedAt: Duration?
    internal var isSettled = false
    internal var hasRaisedRun = false
    /// The run above which one was asked for; nothing is issued until it is here.
    internal var awaitedRun: UInt64?

    /// How many later attempts each signer raised.
    internal var restarts: [Int: Int] = [:]
    /// The attempts that ended early.
    internal var earlyEnds: [EarlyEnd] = []
    /// Signers against whom evidence was told.
    internal var convicted: Set<Int> = []
    /// The EVIDENCE that every bound peer is shown once, the oldest first.
    internal var keptEvidence: [SignedMessage] = []
    internal var broadcasts: Set<Int> = []

    /// Begins a session, or goes on with one after a restart. Nothing happens before ``SessionInput/approved``.
    ///
    /// - Parameters:
    ///   - descriptor: What is to be signed, checked.
    ///   - crypto: What computes for this descriptor.
    ///   - index: This signer's position.
    ///   - run: This life of the machine, which no other machine of this signer had or will have: ``RunNumber``.
    ///   - local: This signer's peer, as its JOIN names it.
    ///   - configuration: How to behave.
    ///   - ledger: What the store has of this session; empty for a new one.
    ///   - now: The time.
    public init(
        descriptor: SessionDescriptor,
        crypto: Crypto,
        index: Int,
        run: UInt64,
        local: LocalPeer,
        configuration: SessionConfiguration = SessionConfiguration(),
        ledger: SessionLedger = SessionLedger(),
        at now: Now
    ) {
        self.constants = SessionConstants(
            descriptor: descriptor,
            crypto: crypto,
            me: index,
            local: local,
            configuration: configuration
        )
        let signers = descriptor.signerKeys.count
        self.run = run
        self.verifiesEveryPartial = configuration.verifiesEveryPartial
        self.joins = Slots(signers: signers)
        self.attempt = AttemptState(number: 1, signers: signers)
        self.startedAt = now.monotonic
        self.lastActivity = now.monotonic
        self.expiryAt = now.monotonic
        self.attempt = makeAttempt(1)
        self.expiryAt = expiryMoment(at: now)
        self.restore(ledger, at: now)
    }

    /// Takes one input.
    ///
    /// - Parameters:
    ///   - input: What happened.
    ///   - now: The time.
    /// - Returns: What to do, in order.
    public mutating func handle(_ input: SessionInput, at now: Now) -> [Effect] {
        step(input, at: now)
    }

    internal mutating func step(_ input: SessionInput, at now: Now) -> [Effect] {
        var turn = Turn<Crypto>(now: now)
        if isOpen, now.wallMilliseconds >= descriptor.expiryMilliseconds { expire(&turn) }
        apply(input, &turn)
        if isRunning {
            advance(&turn)
            flushSyncs(&turn)
        }
        return turn.effects
    }

    private mutating func apply(_ input: SessionInput, _ turn: inout Turn<Crypto>) {
        switch input {
        case .approved: approve(&turn)
        case .refused: refuse(&turn)
        case .declined(let reason): decline(reason: reason, &turn)
        case .approvalWithdrawn: withdrawApproval(&turn)
        case .signingConfirmed(let number):
            if isRunning, number == attempt.number, attempt.isConfirming { attempt.isConfirmed = true }
        case .introduced(let peer, let addresses, let isAnnouncer):
            introduce(peer, addresses, isAnnouncer: isAnnouncer, &turn)
        case .connected(let peer): connected(peer, &turn)
        case .disconnected(let peer): disconnected(peer, &turn)
        case .received(let message, let peer): receive(message, from: peer, &turn)
        case .receivedSync(let sync, let peer): receiveSync(sync, from: peer, &turn)
        case .receivedSignatures(let signatures, let peer): receiveSignatures(signatures, from: peer, &turn)
        case .offered(let signatures): receiveSignatures(signatures, from: nil, &turn)
        case .start(let round): startedRounds.insert(round)
        case .verifyPartials(let verifies): setVerifying(verifies, &turn)
        case .restart: if isRunning { restart(.requested, &turn) }
        case .abort(let text): if isOpen { abort(.requested, text: text, evidence: nil, &turn) }
        case .leave: leave(&turn)
        case .close: close(&turn)
        case .noncesGenerated(let handle, let nonces): noncesGenerated(handle, nonces, &turn)
        case .partialsSigned(let handle, let partials): partialsSigned(handle, partials, &turn)
        case .vaultFailed(let handle): vaultFailed(handle, &turn)
        case .issued(let message): issued(message, &turn)
        case .issueFailed(let message, let failure): issueFailed(message, failure, &turn)
        case .runRaised(let higher): runRaised(higher, &turn)
        case .tick: tick(&turn)
        }
    }
}

extension SessionMachine {
    /// When ``SessionInput/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { earliestDeadline }

    internal var earliestDeadline: Duration? {
        guard isOpen else { return issuing.compactMap(\.retryAt).min() }
        var next = expiryAt
        if let deadline { next = min(next, deadline) }
        if let nextSync { next = min(next, nextSync) }
        if let ends = attempt.disputeEnds { next = min(next, ends) }
        if let wait = attempt.wait { next = min(next, wait.until) }
        for pending in issuing {
            if let retry = pending.retryAt { next = min(next, retry) }
        }
        for pace in joinPaces.values {
            if let due = pace.waiting?.due { next = min(next, due) }
        }
        return next
    }

    /// What is to be signed.
    public var descriptor: SessionDescriptor { constants.descriptor }

    /// This signer's position.
    public var index: Int { constants.me }

    /// The current run of this signer; it may have been raised once since the start.
    public var currentRun: UInt64 { run }

    /// The signatures, one for each message, if the session is complete.
    public var signatures: [SchnorrSignature]? {
        if case .completed(let signatures)? = outcome { signatures } else { nil }
    }

    /// Whether the session is over here: complete, aborted, declined, left, expired, superseded or refused. It may still be completed
    /// by signatures.
    public var isOver: Bool { !isOpen }

    /// Whether this signer left the session.
    public var isLeft: Bool {
        if case .left? = outcome { true } else { false }
    }

    /// The peers that showed a signer's JOIN that names them, in byte order.
    public var boundPeers: [PeerID] { peers.entries.compactMap { $0.state.isBound ? $0.peer : nil } }

    /// The signers that a peer is bound to, ascending: those whose JOIN names it and which it showed itself. Empty for a
    /// stranger.
    ///
    /// - Parameter peer: The peer.
    /// - Returns: Their positions.
    public func signers(at peer: PeerID) -> [Int] {
        peers[peer]?.bindings.filter(\.isPresented).map(\.signer) ?? []
    }

    /// Whether a signer's JOIN is here.
    ///
    /// - Parameter index: The signer's position.
    /// - Returns: Whether it has joined; false for a position that there is not.
    public func hasJoined(_ index: Int) -> Bool { joins.indices.contains(index) && joins.isFilled(index) }

    /// The signers that are not connected, though this one dials them and waits for something of them, ascending: those that have joined, and
    /// the creator, where everybody comes by, also before its JOIN is here. Empty before this signer's own JOIN, and after the end.
    public var absent: [Int] {
        guard isRunning, joins.isFilled(me) else { return [] }
        return joins.indices.filter { index in
            guard index != me, isAwaited(index) else { return false }
            guard let join = joins[index] else {
                return index == descriptor.creator
                    && !peers.entries.contains { $0.state.isAnnouncer && $0.state.isConnected }
            }
            return peers[join.peer].map { !$0.isConnected && isDialled($0) } ?? false
        }
    }

    /// Whether something of a signer is missing that this one needs in the attempt.
    private func isAwaited(_ index: Int) -> Bool {
        neededColumns.contains { column in
            switch column {
            case .signature: index == coordinator
            case .noncesComplete: index == coordinator && attempt.noncesComplete == nil
            default: !isFilled(Slot(column, index))
            }
        }
    }

    /// Whether all others that rely on this signer are known to have the signatures: all signers; in a star, where the
    /// coordinator is the one who passes them on, only that one, or the next in the order of coordinators.
    public var allAreFinal: Bool {
        reliant.allSatisfy { isFinal($0) } || isFinalSuccessor
    }

    /// The signers that have joined, rely on this one for the signatures, and are not known to have them. Empty while there are none.
    public var undelivered: [Int] {
        guard signatures != nil, consent == .approved, joins.isFilled(me), !isFinalSuccessor else { return [] }
        return reliant.filter { joins.isFilled($0) && !isFinal($0) }
    }

    /// The signers to which this one passes the signatures on.
    private var reliant: [Int] {
        if isStar, !isCoordinator, let coordinator { return [coordinator] }
        return joins.indices.filter { $0 != me }
    }

    /// Whether the next coordinator of a star is known to have the signatures, which then passes them on.
    private var isFinalSuccessor: Bool {
        guard isStar, !isCoordinator, let next = constants.order.coordinator(ofAttempt: attempt.number + 1) else {
            return false
        }
        return next != me && isFinal(next)
    }

    private func isFinal(_ index: Int) -> Bool {
        guard let join = joins[index], let bindings = peers[join.peer]?.bindings else { return false }
        return bindings.contains { $0.signer == index && $0.isFinal }
    }

    /// Whether no partial of this signer, as far as it and its store know, has left.
    public var isBeforePartial: Bool { !ledger.mayHaveSigned }

    /// A number of bytes that is not far from what this session's state takes.
    public var approximateByteCount: Int {
        var count = 1_024 + descriptor.bytes.count
        for slot in joins { count += slot.map { 200 + $0.message.bodyBytes.count } ?? 8 }
        for slot in attempt.nonces { count += slot.map { 400 + 3 * $0.message.bodyBytes.count } ?? 8 }
        for slot in attempt.partials { count += slot.map { 300 + 2 * $0.message.bodyBytes.count } ?? 8 }
        for column in [attempt.commitments, attempt.commitmentsComplete] {
            count += 8 * column.count + 292 * column.filled
        }
        count += peers.entries.count * 300
        if let origin = attempt.origin { count += 200 + origin.bodyBytes.count }
        if case .aborted(_, let message?)? = outcome { count += 200 + 2 * message.bodyBytes.count }
        if case .declined(let own)? = outcome, let message = own.message { count += 200 + 2 * message.bodyBytes.count }
        for declined in declines.values { count += 300 + 3 * declined.message.bodyBytes.count }
        for message in keptEvidence { count += 2 * message.bodyBytes.count }
        return count
    }
}
