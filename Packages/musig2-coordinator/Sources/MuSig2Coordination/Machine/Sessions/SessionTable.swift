import MuSig2Session
import Secp256k1

/// The sessions of a node: those that are not archived, with what they take of its budget, and the finished ones.
struct SessionTable: Sendable {
    private var entries: [SessionID: SessionEntry] = [:]
    private let limits: MuSig2Coordinator.Configuration.Limits

    /// The archived ones.
    var finished: FinishedSessions
    /// How many are not over.
    private(set) var openCount = 0
    /// About how many bytes all of them take.
    private(set) var stateBytes = 0
    /// No machine of a session has anything to do before this time.
    private(set) var deadline: Duration?

    init(limits: MuSig2Coordinator.Configuration.Limits) {
        self.limits = limits
        finished = FinishedSessions(capacity: limits.finishedSessions)
    }

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }
    var ids: Dictionary<SessionID, SessionEntry>.Keys { entries.keys }

    /// All sessions, in no order.
    var all: [SessionID: SessionEntry] { entries }

    /// All sessions by their ids.
    var sorted: [(key: SessionID, value: SessionEntry)] { entries.sorted { $0.key < $1.key } }

    subscript(_ session: SessionID) -> SessionEntry? {
        get { entries[session] }
        _modify { yield &entries[session] }
    }

    // MARK: The budget

    /// About what a session takes once all contributions are in.
    static func expectedBytes(of descriptor: SessionDescriptor) -> Int {
        let signers = descriptor.signerKeys.count
        let contributions = signers * descriptor.messages.count
        return 4_096 + 3 * descriptor.bytes.count + 1_000 * signers + 500 * contributions
    }

    /// Whether the memory of sessions does for one more.
    func hasRoom(for descriptor: SessionDescriptor) -> Bool {
        stateBytes + Self.expectedBytes(of: descriptor) <= limits.sessionStateBytes
    }

    /// The sessions that are over, the oldest end first.
    var overOldestFirst: [SessionID] {
        entries.filter(\.value.isOver).sorted { ($0.value.overAt ?? .zero) < ($1.value.overAt ?? .zero) }.map(\.key)
    }

    /// The limit that stands against another session; nil: none.
    func limitReached(by announced: VerifiedAnnouncement, createdHere: Bool) -> CoordinatorError? {
        func reached(_ name: String, _ limit: Int) -> CoordinatorError {
            CoordinatorError(
                .limitReached, "limits.\(name) is reached (\(limit)): wait until a session ends, or close one",
                session: announced.descriptor.id)
        }
        guard openCount < limits.sessions else { return reached("sessions", limits.sessions) }
        if !createdHere {
            let creatorKey = announced.descriptor.signerKeys[announced.descriptor.creator]
            let sameCreator = entries.values.count { !$0.isOver && $0.creatorKey == creatorKey }
            guard sameCreator < limits.sessionsPerCreator else {
                return reached("sessionsPerCreator", limits.sessionsPerCreator)
            }
        }
        guard hasRoom(for: announced.descriptor) else {
            return reached("sessionStateBytes", limits.sessionStateBytes)
        }
        return nil
    }

    // MARK: Changes

    mutating func insert(_ entry: SessionEntry) {
        var entry = entry
        entry.stateBytes = Self.expectedBytes(of: entry.announced.descriptor)
        openCount += 1
        stateBytes += entry.stateBytes
        note(entry.deadline)
        entries[entry.announced.descriptor.id] = entry
    }

    mutating func remove(_ session: SessionID) -> SessionEntry? {
        guard let entry = entries.removeValue(forKey: session) else { return nil }
        if !entry.isOver { openCount -= 1 }
        stateBytes -= entry.stateBytes
        return entry
    }

    /// A session is over: it stops counting.
    ///
    /// - Returns: False when it was over before.
    mutating func end(_ session: SessionID, at time: Duration) -> Bool {
        guard entries[session]?.isOver == false else { return false }
        entries[session]?.end(at: time)
        openCount -= 1
        return true
    }

    /// Counts what a session that is over still takes.
    mutating func account(_ session: SessionID) {
        guard let entry = entries[session] else { return }
        let bytes = entry.machine.approximateByteCount
        stateBytes += bytes - entry.stateBytes
        entries[session]?.stateBytes = bytes
    }

    /// The process slept: sessions that have something to tell have all their time again.
    mutating func lingerAgain(at time: Duration) {
        for (session, entry) in entries where entry.isOver && !entry.machine.undelivered.isEmpty {
            entries[session]?.end(at: time)
        }
    }

    // MARK: Deadlines

    /// A session's machine took a step: it may have another deadline.
    ///
    /// - Returns: Whether the session is over by its machine.
    mutating func stepped(_ session: SessionID) -> Bool {
        guard let entry = entries[session] else { return false }
        let deadline = entry.machine.nextDeadline
        if deadline != entry.deadline {
            entries[session]?.deadline = deadline
            note(deadline)
        }
        return entry.machine.isOver
    }

    private mutating func note(_ deadline: Duration?) {
        guard let deadline else { return }
        self.deadline = min(self.deadline ?? deadline, deadline)
    }

    /// Takes the sessions with machines that have something to do now: call ``deadlinesDone()`` once they have done it. Nil: it is not time.
    mutating func takeDue(at time: Duration) -> [SessionID]? {
        guard let due = deadline, due <= time else { return nil }
        deadline = nil
        return entries.filter { $0.value.deadline.map { $0 <= time } ?? false }.map(\.key).sorted()
    }

    /// The machines that were due have done what they had to do.
    mutating func deadlinesDone() {
        deadline = entries.values.compactMap(\.deadline).min()
    }

    // MARK: What is asked

    func knows(_ session: SessionID) -> Bool {
        entries[session] != nil || finished[session] != nil
    }

    func signatures(of session: SessionID) -> [SchnorrSignature]? {
        entries[session]?.machine.signatures ?? finished[session]?.stored.signatures
    }

    /// How a session stands, unless the application closed it.
    func status(of session: SessionID) -> SessionStatus? {
        guard let entry = entries[session] else { return finished[session]?.status }
        return entry.isClosed ? nil : entry.machine.status
    }

    /// The message keys of a session; nil: it is not here.
    func messageKeys(of session: SessionID) -> [XOnlyPublicKey]? {
        entries[session]?.announced.descriptor.messageKeys ?? finished[session]?.stored.messageKeys
    }

    /// The sessions of which something is still to be told: the signatures to signers that are not known to have them, or that this process
    /// declined. For what an earlier process declined no later one waits at its end.
    var lingering: Int {
        entries.values.count { entry in
            let isUntold = entry.machine.isDeclineUntold && !entry.isRestored
            return !entry.isClosed && (!entry.machine.undelivered.isEmpty || isUntold)
        }
    }

    /// The sessions that are approved, joined or about to be, and not over.
    var active: [SessionID] {
        entries.filter { !$0.value.isOver && !$0.value.awaitsConsent }.map(\.key)
    }
}
