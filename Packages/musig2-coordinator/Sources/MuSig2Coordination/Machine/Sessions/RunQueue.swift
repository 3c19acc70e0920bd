import MuSig2Session
import WireCodec

/// What needs a run of its own.
enum RunRequest: Sendable {
    /// A session that the store has.
    case restore(StoredSession)
    /// A session that ended, of which the application has signatures.
    case recall(StoredSession)
    /// A session that the application made or joins; what the store has of it.
    case enter(VerifiedAnnouncement, providers: [Provider], createdHere: Bool, stored: StoredSession?)
    /// A machine with a run below one that the others know.
    case raise(SessionID, above: UInt64)

    /// The session that is about to be entered or restored.
    var session: SessionID? {
        switch self {
        case .restore(let stored), .recall(let stored): stored.id
        case .enter(let announced, _, _, _): announced.descriptor.id
        case .raise: nil
        }
    }
}

/// What waits for a run, in order: every machine that is made gets a new one, of a number that was claimed durably.
struct RunQueue: Sendable {
    private var counter = RunCounter()
    private var requests: [RunRequest] = []
    /// The sessions that are entered only to be declined, and why.
    private var declining: [SessionID: String] = [:]

    var count: Int { requests.count }

    /// When a claim that failed is made again; nil: none failed.
    var retryAt: Duration? { counter.retryAt }

    /// Whether a block is being claimed.
    var isClaiming: Bool { counter.isClaiming }

    // MARK: Numbers

    /// The numbers below are taken.
    mutating func raiseFloor(to next: UInt64) {
        counter.raiseFloor(to: next)
    }

    /// The next block to claim, when half of what there is is used.
    mutating func claim(at now: Now) -> Range<UInt64>? { counter.claim(at: now) }

    /// The store has the block.
    mutating func claimed(_ block: Range<UInt64>) {
        counter.claimed(block)
    }

    /// Another process has claimed so far.
    mutating func taken(below next: UInt64) {
        counter.taken(below: next)
    }

    /// The store failed.
    mutating func claimFailed(retryAt time: Duration) {
        counter.claimFailed(retryAt: time)
    }

    /// The next number; nil while none is claimed.
    mutating func nextNumber() -> UInt64? { counter.next() }

    // MARK: Requests

    mutating func add(_ request: RunRequest) {
        requests.append(request)
    }

    /// Takes the first request that can have a run now, with the number of its run.
    mutating func takeNext() -> (request: RunRequest, number: UInt64)? {
        guard let next = requests.first else { return nil }
        if case .raise(_, let above) = next { counter.raiseFloor(to: RunNumber.number(of: above) + 1) }
        guard let number = counter.next() else { return nil }
        return (requests.removeFirst(), number)
    }

    /// Whether a session is about to be entered or restored, once there is a run for it.
    func awaits(_ session: SessionID) -> Bool {
        requests.contains { $0.session == session }
    }

    /// Whether a session is about to be entered or restored for good: one that is only recalled declines nothing, and is joined by nobody.
    func awaitsEntry(_ session: SessionID) -> Bool {
        requests.contains { request in
            if case .recall = request { false } else { request.session == session }
        }
    }

    /// The store fails: takes the sessions that the application wants to enter. Those of the store, and machines, wait until it works.
    mutating func takeEntries() -> [SessionID] {
        var entries: [SessionID] = []
        requests.removeAll { request in
            guard case .enter(let announced, _, _, _) = request else { return false }
            entries.append(announced.descriptor.id)
            return true
        }
        return entries
    }

    // MARK: Declining

    /// A session is entered only to be declined.
    mutating func decline(_ session: SessionID, reason: String) {
        declining[session] = reason
    }

    func isDeclining(_ session: SessionID) -> Bool { declining[session] != nil }

    /// Why a session is entered only to be declined; nil: it is not.
    mutating func takeReason(for session: SessionID) -> String? {
        declining.removeValue(forKey: session)
    }
}
