import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// All sessions of a node: which there are, which peers they share, which peers may ask for them, what a peer may cost.
///
/// A value without sockets, tasks, clock or secrets. It is told inputs and answers with effects; the actor around it carries them out.
/// Its only source of chance is the generator it was made with, from which the random bytes of a HELLO come.
///
/// Its parts hold the state and decide what they can alone; the machine passes on what concerns several of them.
struct CoordinatorMachine: Sendable {
    let configuration: MuSig2Coordinator.Configuration
    let signerKey: PublicKey
    let messageKey: PublicKey
    let localPeer: PeerID
    let wireLimits: WireLimits
    /// The methods of discovery that this node has.
    let methods: [DiscoveryMethod]

    var sessions: SessionTable
    var runs = RunQueue()
    var peers: PeerTable
    var discovery: DiscoveryState
    var outbox: Outbox
    var local: LocalNode
    var output = MachineOutput()
    private var generator: any RandomNumberGenerator & Sendable

    init(
        configuration: MuSig2Coordinator.Configuration,
        signerKey: PublicKey,
        messageKey: PublicKey,
        localPeer: PeerID,
        addresses: [Multiaddr],
        methods: [DiscoveryMethod] = [],
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.configuration = configuration
        self.signerKey = signerKey
        self.messageKey = messageKey
        self.localPeer = localPeer
        self.methods = methods
        self.generator = generator
        let limits = configuration.limits
        wireLimits = WireLimits(limits)
        sessions = SessionTable(limits: limits)
        peers = PeerTable(configuration: configuration)
        discovery = DiscoveryState(
            lookups: SessionLookups(methods: methods, settings: configuration.discovery),
            previews: PreviewCache(capacity: limits.previews, bytes: limits.previewBytes),
            exchanges: HelloExchanges(localPeer: localPeer, perPeer: limits.hellosPerPeer),
            publisher: Publisher(
                methods: methods, ownKey: messageKey.xOnly, recordBytes: wireLimits.recordAnnouncementBytes,
                configuration: configuration),
            reunions: ReunionSchedule(interval: configuration.discovery.reunion),
            renewals: RenewalQueue(perMinute: limits.announcementsPerMinute)
        )
        outbox = Outbox(frameBytes: limits.frameBytes)
        local = LocalNode(addresses: addresses, absences: AbsenceWatch(pause: configuration.timeouts.absence))
    }

    var sessionLimits: SessionLimits {
        var limits = SessionLimits()
        limits.wire = wireLimits
        return limits
    }

    // MARK: Inputs

    /// Takes one input.
    ///
    /// - Returns: What to do, in order; frames come with ``flush(at:)``.
    mutating func handle(_ input: CoordinatorInput, at now: Now) -> [CoordinatorEffect] {
        let deadline = local.sleeps.isAwake(at: now) ? nil : nextDeadline
        if local.sleeps.hasSlept(until: now, deadline: deadline) {
            peers.hurry(at: now.monotonic)
            sessions.lingerAgain(at: now.monotonic)
        }
        take(input, at: now)
        drivePending(at: now)
        for (peer, addresses) in peers.dialsDue(at: now.monotonic) { output.append(.connect(peer, addresses)) }
        for attempt in discovery.publisher.takeAttempts(at: now) { output.append(.publish(attempt)) }
        return output.takeEffects()
    }

    private mutating func take(_ input: CoordinatorInput, at now: Now) {
        switch input {
        case .network(let event): handle(event, at: now)
        case .create(let announced): create(announced, at: now)
        case .lookUp(let subject, let providers): lookUp(subject, at: providers, now: now)
        case .found(let key, let result): found(key, result, at: now)
        case .read(let session, let announcement): read(announcement, as: session, at: now)
        case .watchInbox(let interval): watchInbox(every: interval, at: now)
        case .join(let session): join(session, at: now)
        case .decline(let session, let reason): decline(session, reason, at: now)
        case .consent(let session, let stage, let attempt, let decision):
            decided(session, stage, attempt, decision, at: now)
        case .command(let session, let command): carry(command, for: session, at: now)
        case .drop(let session): drop(session, at: now)
        case .session(let session, let input): drive(session, input, at: now)
        case .helloSigned(let peer, let exchange, let signature): helloSigned(peer, exchange, signature)
        case .announced(let announced): announcedAgain(announced)
        case .loaded(let session, let result): loaded(session, result, at: now)
        case .restore(let stored):
            // Those that have ended only answer, and there may be any number of them.
            guard stored.end == nil || sessions.count + runs.count < configuration.limits.sessions else { return }
            request(.restore(stored), at: now)
        case .recall(let stored): request(.recall(stored), at: now)
        case .restoreCompletion(let stored): archive(FinishedSession(stored, status: nil), at: now)
        case .published(let key, let attemptID, let failure):
            tell(discovery.publisher.ended(key, attemptID: attemptID, failure: failure, at: now))
        case .started, .runsClaimed, .runsTaken, .runClaimFailed: storeAnswered(input, at: now)
        case .tick: tick(at: now)
        }
    }

    /// Ends a batch of inputs: all that waits for a peer goes out together.
    mutating func flush(at now: Now) -> [CoordinatorEffect] {
        outbox.hurryLate(at: now.monotonic)
        for (frame, peer) in outbox.takeFrames() { output.append(.send(frame, to: peer)) }
        return output.takeEffects()
    }

    /// Gives sessions the inputs that came up meanwhile.
    mutating func drivePending(at now: Now) {
        while true {
            let inputs = output.takePending()
            if inputs.isEmpty { return }
            for (session, input) in inputs { drive(session, input, at: now) }
        }
    }

    mutating func tell(_ event: CoordinatorEvent) {
        output.append(.event(event))
    }

    // MARK: Time

    /// When a tick is due; nil if nothing waits for time.
    var nextDeadline: Duration? {
        var next = sessions.deadline
        let others = [
            peers.nextRedial, discovery.deadline, local.absences.deadline, outbox.deadline, local.sweeps.deadline,
            runs.retryAt,
        ]
        for other in others {
            if let other { next = min(next ?? other, other) }
        }
        return next
    }

    private mutating func tick(at now: Now) {
        if let due = sessions.takeDue(at: now.monotonic) {
            for session in due { drive(session, .tick, at: now) }
            sessions.deadlinesDone()
        }
        claimRuns(at: now)
        discovery.exchanges.expire(at: now.monotonic)
        expireLookups(at: now)
        watchInboxDue(at: now)
        if discovery.publisher.takeDayChange(at: now) { publishAll(at: now) }
        reuniteDue(at: now)
        for renewal in discovery.renewals.takeDue(at: now.monotonic) { renew(renewal, at: now) }
        tellAbsences(at: now)
        if local.sweeps.take(at: now.monotonic) { sweep(at: now) }
    }

    // MARK: Runs

    /// The store answered what concerns the numbers of runs.
    private mutating func storeAnswered(_ input: CoordinatorInput, at now: Now) {
        switch input {
        case .started(let next):
            runs.raiseFloor(to: next)
            claimRuns(at: now)
            sweepStore(at: now)
        case .runsClaimed(let block):
            runs.claimed(block)
            fillRequests(at: now)
        case .runsTaken(let next):
            runs.taken(below: next)
            claimRuns(at: now)
        case .runClaimFailed(let reason):
            runs.claimFailed(retryAt: now.monotonic + configuration.timeouts.storeRetry)
            failEntering(reason)
        default: break
        }
    }

    /// Claims the next block when half of what there is is used.
    private mutating func claimRuns(at now: Now) {
        if let block = runs.claim(at: now) { output.append(.claimRuns(block)) }
    }

    /// Gives a run to what needs one: at once, or as soon as a block is claimed.
    mutating func request(_ request: RunRequest, at now: Now) {
        runs.add(request)
        fillRequests(at: now)
    }

    private mutating func fillRequests(at now: Now) {
        while let (request, number) = runs.takeNext() { fill(request, with: newRun(number), at: now) }
        claimRuns(at: now)
        if runs.retryAt != nil { failEntering(nil) }
    }

    private mutating func fill(_ request: RunRequest, with run: UInt64, at now: Now) {
        switch request {
        case .restore(let stored): restore(stored, run: run, at: now)
        case .recall(let stored): recall(stored, run: run, at: now)
        case .enter(let announced, let providers, let createdHere, let stored):
            enter(announced, providers, createdHere: createdHere, stored: stored, run: run, at: now)
        case .raise(let session, _): output.append(.runRaised(run), for: session)
        }
    }

    /// The store fails, and there is no run: the application is told.
    private mutating func failEntering(_ reason: String?) {
        for session in runs.takeEntries() {
            refuse(
                session,
                CoordinatorError(
                    .storeFailed, "the store failed, so nothing was sent: join again once it works", session: session,
                    underlying: reason))
        }
    }

    // MARK: Chance

    /// A run with this number.
    mutating func newRun(_ number: UInt64) -> UInt64 { RunNumber.run(number, random: generator.next()) }

    mutating func randomHash() -> Hash32 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        while bytes.count < 32 {
            let word: UInt64 = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return Hash32(bytes) ?? .zero
    }

    /// So many of these: the first half as they stand, the rest by chance.
    mutating func choose<Element>(_ count: Int, of all: [Element]) -> [Element] {
        guard all.count > count else { return all }
        let sure = (count + 1) / 2
        return Array(all.prefix(sure) + all.dropFirst(sure).shuffled(using: &generator).prefix(count - sure))
    }
}

extension WireLimits {
    /// The limits of messages that a configuration sets.
    init(_ limits: MuSig2Coordinator.Configuration.Limits) {
        self.init()
        frameBytes = limits.frameBytes
        descriptorBytes = limits.descriptorBytes
        messagesBytes = limits.messageBytes
        signers = limits.signers
        meshSigners = limits.meshSigners
        signersTimesMessages = limits.signersTimesMessages
    }
}
