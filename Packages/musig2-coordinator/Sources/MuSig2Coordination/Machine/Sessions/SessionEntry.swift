import MuSig2Session
import Multiformats
import Secp256k1

/// One session that is not archived yet.
///
/// What is large is kept in one piece outside: looking at an entry of the table copies the entry, and many a frame looks.
struct SessionEntry: Sendable {
    /// Where a session is for the application.
    enum Stage: Sendable, Hashable {
        /// The consent policy is asked whether to join.
        case awaitingConsent
        /// It counts: it is joined, or about to be.
        case open
        /// The application closes it before its end.
        case closing
        /// It is over, and answers signers that come.
        case over(since: Duration, End)
    }

    /// What else there is to know of a session that is over.
    struct End: Sendable, Hashable {
        /// Whether the application closed it.
        var isClosed = false
        /// Whether it was complete before the consent policy answered, which is still asked.
        var awaitsConsent = false
    }

    /// The peers of a session.
    struct Peers: Sendable {
        /// Those that hear of it.
        var heard: Set<PeerID> = []
        /// The signers with peers that may cost what a session costs: each once.
        var credited: Set<Int> = []
    }

    /// How far the session is recorded and told.
    struct Record: Sendable {
        /// Whether it is joined, so that it is made known by the methods of its creator.
        var isJoined = false
        /// Whether the store has it as left, until the consent policy says that it is joined again.
        var isLeftInStore = false
        /// Whether it was told that nothing valid came for too long.
        var isToldStuck = false
    }

    private struct Content {
        var machine: SessionMachine<BIP327>
        var announced: VerifiedAnnouncement
        let creatorKey: PublicKey
        let crypto: BIP327
    }

    private var content: CopyOnWriteBox<Content>
    let createdHere: Bool
    /// Whether the store had it when the process began.
    let isRestored: Bool
    private(set) var stage = Stage.open
    var record = Record()
    var peers = Peers()
    var deadline: Duration?
    var stateBytes = 0

    init(
        machine: SessionMachine<BIP327>, announced: VerifiedAnnouncement, crypto: BIP327, createdHere: Bool,
        isRestored: Bool
    ) {
        let descriptor = announced.descriptor
        content = CopyOnWriteBox(
            Content(
                machine: machine, announced: announced, creatorKey: descriptor.signerKeys[descriptor.creator],
                crypto: crypto))
        self.createdHere = createdHere
        self.isRestored = isRestored
        deadline = machine.nextDeadline
    }

    var machine: SessionMachine<BIP327> {
        _read { yield content.value.machine }
        _modify { yield &content.value.machine }
    }

    /// The announcement, as received.
    var announced: VerifiedAnnouncement {
        _read { yield content.value.announced }
        _modify { yield &content.value.announced }
    }

    var creatorKey: PublicKey { content.value.creatorKey }

    var crypto: BIP327 { content.value.crypto }

    // MARK: The stage

    /// When it was over; nil while it is not.
    var overAt: Duration? {
        if case .over(let time, _) = stage { time } else { nil }
    }

    var isOver: Bool { overAt != nil }

    /// Whether the application closed it.
    var isClosed: Bool {
        switch stage {
        case .awaitingConsent, .open: false
        case .closing: true
        case .over(_, let end): end.isClosed
        }
    }

    /// Whether the consent policy is asked whether to join.
    var awaitsConsent: Bool {
        switch stage {
        case .awaitingConsent: true
        case .open, .closing: false
        case .over(_, let end): end.awaitsConsent
        }
    }

    /// The consent policy is asked whether to join.
    mutating func askForConsent() {
        switch stage {
        case .awaitingConsent, .open, .closing: stage = .awaitingConsent
        case .over(let time, var end):
            end.awaitsConsent = true
            stage = .over(since: time, end)
        }
    }

    /// The consent policy is not asked any more.
    mutating func endConsent() {
        switch stage {
        case .awaitingConsent: stage = .open
        case .open, .closing: break
        case .over(let time, var end):
            end.awaitsConsent = false
            stage = .over(since: time, end)
        }
    }

    /// The application closes it.
    mutating func close() {
        switch stage {
        case .awaitingConsent, .open, .closing: stage = .closing
        case .over(let time, var end):
            end.isClosed = true
            stage = .over(since: time, end)
        }
    }

    /// It is over, from now on, or again from now on.
    mutating func end(at time: Duration) {
        stage = .over(since: time, End(isClosed: isClosed, awaitsConsent: awaitsConsent))
    }
}
