public import Multiformats
public import Secp256k1
public import WireCodec

/// One signer's session: what has come in, what may go out, and when.
///
/// A value without sockets, clock, randomness or secrets. It is told inputs and answers with effects, so that a log of
/// inputs replays it. State is slots: (column, index) holds the first valid message, and nothing needs sequence numbers
/// or acknowledgements.
///
/// Each part keeps one thing and decides what concerns it alone; what concerns several is decided here.
public struct SessionMachine<Crypto: SessionCrypto>: Hashable, Sendable {
    /// What the machine asks its caller to do.
    public typealias Effect = SessionEffect<Crypto.Context>

    typealias Context = HandlerContext<Crypto>

    var state = SessionState.awaitingApproval
    var slots: SlotTable<Crypto>
    var peers = PeerTable()
    var own: OwnMessages
    var history = AttemptHistory()
    var schedule: SyncSchedule
    var rounds: RoundControl
    var clock: SessionClock

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
        let constants = SessionConstants(
            descriptor: descriptor,
            crypto: crypto,
            me: index,
            local: local,
            configuration: configuration
        )
        slots = SlotTable(constants)
        own = OwnMessages(run: run, ledger: OwnLedger(ledger, signer: index))
        schedule = SyncSchedule(interval: configuration.syncInterval, session: descriptor.id, signer: index)
        rounds = RoundControl(configuration)
        clock = SessionClock(descriptor, at: now)
        restore(ledger, at: now)
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

    /// The most that taking in a message costs: one for each signature that is checked, one for each 4 points that are parsed, and where it
    /// leads to a later attempt one for each pair of nonces that this signer draws for it. Nothing is checked here.
    ///
    /// - Parameter message: A signed message of this session, as received.
    /// - Returns: The cost in signature checks, at least 1.
    public func cost(of message: SignedMessage) -> Int { slots.cost(of: message, state) }

    /// When ``SessionInput/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { earliestDeadline }
}

/// The same for the real computations. Callers in other modules do not see the bodies of generic functions and would run
/// them in their generic form, which asks the type of everything it touches; these are compiled for BIP-327 here.
extension SessionMachine where Crypto == BIP327 {
    /// Takes one input.
    ///
    /// - Parameters:
    ///   - input: What happened.
    ///   - now: The time.
    /// - Returns: What to do, in order.
    public mutating func handle(_ input: SessionInput, at now: Now) -> [Effect] {
        step(input, at: now)
    }

    /// The most that taking in a message costs: one for each signature that is checked, one for each 4 points that are parsed, and where it
    /// leads to a later attempt one for each pair of nonces that this signer draws for it. Nothing is checked here.
    ///
    /// - Parameter message: A signed message of this session, as received.
    /// - Returns: The cost in signature checks, at least 1.
    public func cost(of message: SignedMessage) -> Int { slots.cost(of: message, state) }

    /// When ``SessionInput/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { earliestDeadline }
}

extension SessionMachine {
    private mutating func step(_ input: SessionInput, at now: Now) -> [Effect] {
        var context = Context(now: now)
        if state.isOpen, now.wallMilliseconds >= descriptor.expiryMilliseconds { expire(&context) }
        apply(input, &context)
        if state.isRunning {
            advance(&context)
            flushSyncs(&context)
        }
        return context.effects
    }

    private mutating func apply(_ input: SessionInput, _ context: inout Context) {
        switch input {
        case .approved: approve(&context)
        case .refused: refuse(&context)
        case .declined(let reason): decline(reason: reason, &context)
        case .approvalWithdrawn: withdrawApproval(&context)
        case .signingConfirmed(let number):
            if state.isRunning, number == slots.attempt.number, slots.attempt.confirmation == .asked {
                slots.attempt.confirmation = .given
            }
        case .introduced(let peer, let addresses, let isAnnouncer):
            introduce(peer, addresses, isAnnouncer: isAnnouncer, &context)
        case .connected(let peer): connected(peer, &context)
        case .disconnected(let peer): disconnected(peer, &context)
        case .received(let message, let peer): receive(message, from: peer, &context)
        case .receivedSync(let sync, let peer): receiveSync(sync, from: peer, &context)
        case .receivedSignatures(let signatures, let peer): receiveSignatures(signatures, from: peer, &context)
        case .offered(let signatures): receiveSignatures(signatures, from: nil, &context)
        case .start(let round): rounds.start(round)
        case .verifyPartials(let verifies):
            rounds.verifiesEveryPartial = verifies
            if verifies, state.isRunning { verifyPartials(&context) }
        case .restart: if state.isRunning { restart(.requested, &context) }
        case .abort(let text): if state.isOpen { abort(.requested, text: text, evidence: nil, &context) }
        case .leave: leave(&context)
        case .close: close(&context)
        case .noncesGenerated(let handle, let nonces): noncesGenerated(handle, nonces, &context)
        case .partialsSigned(let handle, let partials): partialsSigned(handle, partials, &context)
        case .vaultFailed(let handle): vaultFailed(handle, &context)
        case .issued(let message): issued(message, &context)
        case .issueFailed(let message, let failure): issueFailed(message, failure, &context)
        case .runRaised(let higher): if state.isRunning { _ = own.raiseRun(to: higher) }
        case .tick: tick(&context)
        }
    }

    private var earliestDeadline: Duration? {
        guard state.isOpen else { return own.queue.nextRetry }
        var next = clock.expiresAt
        func include(_ time: Duration?) {
            if let time { next = min(next, time) }
        }
        include(state.deadline)
        include(schedule.next)
        include(slots.attempt.dispute.ends)
        include(slots.attempt.wait?.until)
        include(own.queue.nextRetry)
        include(slots.roster.nextDue)
        return next
    }

    /// What does not change in a session's life.
    var constants: SessionConstants<Crypto> { slots.constants }

    var configuration: SessionConfiguration { slots.constants.configuration }
}

/// Going on after a restart of the process.
extension SessionMachine {
    /// Takes in what the store has. The newest attempt goes on: with the recorded partial, or else with fresh nonces.
    private mutating func restore(_ saved: SessionLedger, at now: Now) {
        var context = Context(now: now)
        for (index, message) in saved.joins.sorted(by: { $0.key < $1.key })
        where index < constants.signerCount && index != constants.me {
            guard let join = try? Join(decoding: message.body.payload), let peer = try? PeerID(bytes: join.peerID),
                !constants.isOwnPeer(peer, claimedBy: index)
            else {
                continue
            }
            // A process that was there may be gone: it shows its JOIN again.
            let slot = JoinSlot(message: message, peer: peer, addresses: join.addresses)
            bind(index, to: slot, isPresented: false, &context)
        }
        let newest = (saved.nonces + saved.partials).map(\.body.attempt).max() ?? 1
        slots.restoreAttempt(newest, saved)
        own.ledger.reach(newest)
        if let outcome = saved.outcome { state.end(outcome) }
        if let bytes = saved.signatures {
            let signatures = bytes.compactMap { try? SchnorrSignature(rawRepresentation: $0) }
            if constants.crypto.isValid(signatures: signatures) { state.end(.completed(signatures)) }
        }
    }
}

extension SessionLedger {
    /// How the session ended without signatures, as its machine knows it.
    fileprivate var outcome: SessionState.Outcome? {
        guard let end else { return nil }
        return switch end.kind {
        case .aborted: .aborted(end.report, message: end.message)
        case .declined: .declined(SessionState.Decline(reason: end.text, message: end.message))
        case .expired: .expired
        case .left: .left
        }
    }
}

/// How the session stands.
extension SessionMachine {
    /// What is to be signed.
    public var descriptor: SessionDescriptor { constants.descriptor }

    /// This signer's position.
    public var index: Int { constants.me }

    /// The current run of this signer; it may have been raised once since the start.
    public var currentRun: UInt64 { own.claim.run }

    /// The signatures, one for each message, if the session is complete.
    public var signatures: [SchnorrSignature]? { state.signatures }

    /// Whether the session is over here: complete, aborted, declined, left, expired, superseded or refused. It may still be completed
    /// by signatures.
    public var isOver: Bool { !state.isOpen }

    /// Whether this signer left the session.
    public var isLeft: Bool {
        if case .left? = state.outcome { true } else { false }
    }

    /// Whether this signer declined the session.
    public var isDeclined: Bool { state.decline != nil }

    /// Whether this signer declined, and neither was its DECLINE sent to a peer that is bound to a signer, nor has another ended the session.
    public var isDeclineUntold: Bool { state.decline.map { !$0.isTold } ?? false }

    /// Whether its store says that an earlier run of this signer may have joined: then it declines no more.
    public var hasJoinedBefore: Bool { own.ledger.hasJoined }

    /// Whether no partial of this signer, as far as it and its store know, has left.
    public var isBeforePartial: Bool { !own.ledger.mayHaveSigned }

    /// The peers that showed a signer's JOIN that names them, in byte order.
    public var boundPeers: [PeerID] { peers.entries.compactMap { $0.state.isBound ? $0.peer : nil } }

    /// The signers that a peer is bound to, ascending: those of which it showed itself a JOIN that names it. Empty for a
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
    public func hasJoined(_ index: Int) -> Bool { slots.roster.hasJoined(index) }

    /// The signers that are not connected, though this one dials them and waits for something of them, ascending: those that have joined, and
    /// the creator, where everybody comes by, also before its JOIN is here. Empty before this signer's own JOIN, and after the end.
    public var absent: [Int] {
        guard state.isRunning, slots.joins.isFilled(constants.me) else { return [] }
        return slots.joins.indices.filter { index in
            guard index != constants.me, slots.isWanting(of: index) else { return false }
            guard let join = slots.joins[index] else {
                return index == descriptor.creator && !peers.hasConnectedAnnouncer
            }
            return peers.isAway(join.peer, slots)
        }
    }

    /// Whether all others that rely on this signer are known to have the signatures: all signers; in a star, where the
    /// coordinator is the one that passes them on, only that one, or the next in the order of coordinators.
    public var allAreFinal: Bool {
        reliant.allSatisfy { isFinal($0) } || isFinalSuccessor
    }

    /// The signers that have joined, rely on this one for the signatures, and are not known to have them. Empty while there are none.
    public var undelivered: [Int] {
        guard signatures != nil, state.consent == .approved, slots.joins.isFilled(constants.me), !isFinalSuccessor
        else { return [] }
        return reliant.filter { slots.joins.isFilled($0) && !isFinal($0) }
    }

    /// The signers to which this one passes the signatures on.
    private var reliant: [Int] {
        if slots.isStar, !slots.isCoordinator, let coordinator = slots.coordinator { return [coordinator] }
        return slots.joins.indices.filter { $0 != constants.me }
    }

    /// Whether the next coordinator of a star is known to have the signatures, which then passes them on.
    private var isFinalSuccessor: Bool {
        guard slots.isStar, !slots.isCoordinator,
            let next = constants.order.coordinator(ofAttempt: slots.attempt.number + 1)
        else { return false }
        return next != constants.me && isFinal(next)
    }

    private func isFinal(_ index: Int) -> Bool {
        slots.joins[index].map { peers.isFinal(index, at: $0.peer) } ?? false
    }

    /// A number of bytes that is not far from what this session's state takes.
    public var approximateByteCount: Int {
        1_024 + descriptor.bytes.count + slots.approximateByteCount + peers.approximateByteCount
            + state.approximateByteCount
    }

    /// How the session stands.
    public var status: SessionStatus {
        SessionStatus(
            index: constants.me,
            phase: state.phaseOfStatus,
            finalKey: constants.crypto.finalKey,
            attempt: slots.attempt.number,
            signers: slots.joins.indices.map { signerStatus($0) },
            coordinator: slots.coordinator,
            isCoordinator: slots.coordinator == constants.me,
            isAfterPartial: own.ledger.mayHaveSigned,
            startedAt: clock.startedAt,
            lastActivity: clock.lastActivity,
            deadline: state.deadline,
            expiresAt: descriptor.expiryMilliseconds,
            signatures: signatures,
            undelivered: undelivered,
            earlyEnds: history.earlyEnds
        )
    }

    private func signerStatus(_ index: Int) -> SessionStatus.Signer {
        let peer = slots.joins[index]?.peer
        let isThere = peer.flatMap { peers[$0] }.map { $0.isConnected && $0.presents(index) } ?? false
        return SessionStatus.Signer(
            peer: peer,
            isConnected: index == constants.me || isThere,
            hasCommitment: slots.attempt.columns.isFilled(.commitments, index),
            hasNonces: slots.attempt.columns.isFilled(.nonces, index),
            hasPartials: slots.attempt.columns.isFilled(.partials, index),
            restarts: history.attemptsRaised(by: index),
            declined: slots.roster.declines[index]?.reason
        )
    }
}
