import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// All sessions of a node: which there are, which peers they share, who may ask for them, what a peer may cost.
///
/// A value without sockets, tasks, clock or secrets. It is told inputs and answers with effects; the actor around it carries them out.
/// Its only source of chance is the generator it was made with, from which the random bytes of a HELLO come.
struct CoordinatorMachine: Sendable {
    /// One session that is not archived yet.
    ///
    /// What is large is kept in one piece outside: looking at an entry of the table copies the entry, and many a frame looks.
    struct Entry: Sendable {
        /// How far it is made known.
        struct Publicity: Sendable {
            /// Whether it is joined, so that it is made known by the methods of its creator.
            var isAnnounced = false
            /// Whether it was told that it can be found.
            var isTold = false
            /// The methods that were told not to work.
            var failedMethods: Set<DiscoveryMethod> = []
            /// Whether the store had it.
            var isRestored = false
            /// Whether the store has it as left, until the consent policy says that it is joined again.
            var isLeftInStore = false
            /// When to look for the other signers again; nil: not.
            var reunionAt: Duration?
            /// How many peers it was introduced to by looking for the other signers.
            var strangersMet = 0
            /// The announcements that were taken in the last minute, and the one that waits.
            var renewals = RateWindow()
            var waitingRenewal: Renewal?
        }

        private struct Content {
            var machine: SessionMachine<BIP327>
            var announced: VerifiedAnnouncement
            var publicity = Publicity()
            let creatorKey: PublicKey
            let crypto: BIP327
        }

        /// One element, for the copy-on-write of an array. It is read through the span: the subscript of an array copies all of it.
        private var content: [Content]
        let createdHere: Bool
        /// When it was over; nil while it is not.
        var overAt: Duration?
        var isClosed = false
        /// Whether the consent policy is asked whether to join.
        var awaitsConsent = false
        var deadline: Duration?
        var stateBytes = 0
        /// Whether it was told that nothing valid came for too long.
        var isToldStuck = false
        /// When it is looked whether the signers are there that it waits for; nil: nothing says that one is not.
        var absence: Absence?
        /// The peers that hear of this session.
        var peers: Set<PeerID> = []
        /// The signers whose peers may cost what a session costs: each once.
        var credited: Set<Int> = []

        init(
            machine: SessionMachine<BIP327>,
            announced: VerifiedAnnouncement,
            createdHere: Bool,
            creatorKey: PublicKey,
            crypto: BIP327
        ) {
            content = [Content(machine: machine, announced: announced, creatorKey: creatorKey, crypto: crypto)]
            self.createdHere = createdHere
        }

        var machine: SessionMachine<BIP327> {
            _read { yield content.span[0].machine }
            _modify { yield &content[0].machine }
        }

        /// The announcement, as received.
        var announced: VerifiedAnnouncement {
            _read { yield content.span[0].announced }
            _modify { yield &content[0].announced }
        }

        var publicity: Publicity {
            _read { yield content.span[0].publicity }
            _modify { yield &content[0].publicity }
        }

        var creatorKey: PublicKey { content.span[0].creatorKey }

        var crypto: BIP327 { content.span[0].crypto }
    }

    let configuration: MuSig2Coordinator.Configuration
    let signerKey: PublicKey
    let messageKey: PublicKey
    let localPeer: PeerID
    let wireLimits: WireLimits

    var addresses: [Multiaddr]
    /// Where the runs of machines come from.
    var runs = RunCounter()
    /// What waits for a run, in order.
    var awaitingRuns: [RunRequest] = []
    /// The sessions that are entered only to be declined, and why.
    var declining: [SessionID: String] = [:]
    /// The methods of discovery that this node has.
    var methods: [DiscoveryMethod] = []

    var sessions: [SessionID: Entry] = [:]
    var finished: FinishedSessions
    var peers: PeerTable
    var hellos: HelloExchanges
    var lookups = SessionLookups()
    var previews: PreviewCache
    var discoveryIndex = DiscoveryIndex()
    var publications: PublicationQueue
    var inboxWatch: InboxWatch?
    /// When the days under which this node publishes change next.
    var nextDayChange: Duration?
    /// No reunion is due before this time.
    var nextReunion: Duration?
    /// No look for absent signers is due before this time.
    var nextAbsence: Duration?
    /// No announcement that waits is due before this time.
    var nextRenewal: Duration?
    var outbox: Outbox
    var keyBuckets: [PublicKey: KeyBuckets] = [:]

    var openSessions = 0
    var stateBytes = 0
    var sessionDeadline: Duration?
    var nextSweep: Duration?
    /// When the store is to drop what has expired.
    var nextStoreSweep: Duration?
    var isShuttingDown = false
    /// How often the process was found to have slept.
    private(set) var wakings = 0
    /// What peers were charged so far, in signature checks.
    var workCharged = 0.0
    /// When the last input came.
    private var lastInput: Now?

    var effects: [CoordinatorEffect] = []
    /// Inputs for sessions that came up while another input was handled.
    var pending: [(SessionID, SessionInput)] = []

    private var generator: any RandomNumberGenerator & Sendable

    init(
        configuration: MuSig2Coordinator.Configuration,
        signerKey: PublicKey,
        messageKey: PublicKey,
        localPeer: PeerID,
        addresses: [Multiaddr],
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.configuration = configuration
        self.signerKey = signerKey
        self.messageKey = messageKey
        self.localPeer = localPeer
        self.addresses = addresses
        self.generator = generator
        var limits = WireLimits()
        limits.frameBytes = configuration.limits.frameBytes
        limits.descriptorBytes = configuration.limits.descriptorBytes
        limits.messagesBytes = configuration.limits.messageBytes
        limits.signers = configuration.limits.signers
        limits.meshSigners = configuration.limits.meshSigners
        limits.signersTimesMessages = configuration.limits.signersTimesMessages
        wireLimits = limits
        finished = FinishedSessions(capacity: configuration.limits.finishedSessions)
        peers = PeerTable(configuration: configuration)
        hellos = HelloExchanges(perPeer: configuration.limits.hellosPerPeer)
        previews = PreviewCache(
            capacity: configuration.limits.previews,
            bytes: configuration.limits.previewBytes
        )
        publications = PublicationQueue(
            capacity: configuration.limits.publications,
            settings: configuration.discovery
        )
        outbox = Outbox(frameBytes: configuration.limits.frameBytes)
    }

    /// Takes one input.
    ///
    /// - Returns: What to do, in order; frames come with ``flush(at:)``.
    mutating func handle(_ input: CoordinatorInput, at now: Now) -> [CoordinatorEffect] {
        if hasSlept(until: now) {
            wakings += 1
            peers.hurry(at: now.monotonic)
            lingerAgain(at: now)
        }
        switch input {
        case .network(let event): handle(event, at: now)
        case .create(let announced): create(announced, at: now)
        case .lookUp(let subject, let providers): lookUp(for: subject, at: providers, now: now)
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
        case .started(let next): started(next, at: now)
        case .runsClaimed(let block): runsClaimed(block, at: now)
        case .runsTaken(let next): runsTaken(below: next, at: now)
        case .runClaimFailed(let reason): runClaimFailed(reason, at: now)
        case .loaded(let session, let result): loaded(session, result, at: now)
        case .restore(let stored):
            // Those that have ended only answer, and there may be any number of them.
            guard stored.end == nil || sessions.count + awaitingRuns.count < configuration.limits.sessions else {
                break
            }
            request(.restore(stored), at: now)
        case .recall(let stored): request(.recall(stored), at: now)
        case .restoreCompletion(let stored): archive(FinishedSession(stored, status: nil), at: now)
        case .published(let key, let attemptID, let failure):
            published(key, attemptID: attemptID, failure: failure, at: now)
        case .tick: tick(at: now)
        }
        drainPending(at: now)
        for (peer, addresses) in peers.dialsDue(at: now.monotonic) { effects.append(.connect(peer, addresses)) }
        for attempt in publications.takeAttempts(at: now) { effects.append(.publish(attempt)) }
        return takeEffects()
    }

    /// Ends a turn: all that waits for a peer goes out together.
    mutating func flush(at now: Now) -> [CoordinatorEffect] {
        outbox.hurryLate(at: now.monotonic)
        for (frame, peer) in outbox.takeFrames() { effects.append(.send(frame, to: peer)) }
        return takeEffects()
    }

    /// When a tick is due; nil if nothing waits for time.
    var nextDeadline: Duration? {
        var next = sessionDeadline
        let others = [
            peers.nextRedial, hellos.deadline, lookups.deadline, publications.deadline, inboxWatch?.nextAt,
            nextDayChange,
            nextReunion, nextAbsence, nextRenewal, outbox.deadline, nextSweep, runs.retryAt,
        ]
        for other in others {
            if let other { next = min(next ?? other, other) }
        }
        return next
    }

    /// Whether the process slept: the wall clock went on while its own stood still, or the timer comes much too late.
    private mutating func hasSlept(until now: Now) -> Bool {
        defer { lastInput = now }
        guard let lastInput, now.wallMilliseconds > lastInput.wallMilliseconds else { return false }
        let wall = Duration.milliseconds(Int64(clamping: now.wallMilliseconds - lastInput.wallMilliseconds))
        if wall - (now.monotonic - lastInput.monotonic) > Self.nap { return true }
        return nextDeadline.map { now.monotonic - $0 > Self.nap } ?? false
    }

    /// Shorter pauses are nothing but a busy machine. 30 s.
    private static let nap = Duration.seconds(30)

    private mutating func takeEffects() -> [CoordinatorEffect] {
        let taken = effects
        effects = []
        return taken
    }

    private mutating func drainPending(at now: Now) {
        var next = 0
        while next < pending.count {
            let (session, input) = pending[next]
            next += 1
            drive(session, input, at: now)
        }
        pending.removeAll(keepingCapacity: true)
    }

    private mutating func tick(at now: Now) {
        if let due = sessionDeadline, due <= now.monotonic {
            sessionDeadline = nil
            let late = sessions.filter { $0.value.deadline.map { $0 <= now.monotonic } ?? false }.map(\.key)
            for session in late.sorted() { drive(session, .tick, at: now) }
            sessionDeadline = sessions.values.compactMap(\.deadline).min()
        }
        claimRuns(at: now)
        hellos.expire(at: now.monotonic)
        expireLookups(at: now)
        watchInboxDue(at: now)
        publishDue(at: now)
        reuniteDue(at: now)
        renewDue(at: now)
        tellAbsences(at: now)
        sweepIfDue(at: now)
    }

    /// A new run, if a number is claimed.
    mutating func newRun() -> UInt64? {
        runs.next().map { RunNumber.run($0, random: generator.next()) }
    }

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

    mutating func tell(_ event: CoordinatorEvent) {
        effects.append(.event(event))
    }
}
