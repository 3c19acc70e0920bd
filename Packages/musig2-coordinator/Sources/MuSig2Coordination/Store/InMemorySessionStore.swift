public import MuSig2Session
public import Secp256k1
import Synchronization

/// A store in memory: for tests, and for programs with sessions that need not outlive the process.
///
/// Coordinators that share one object see each other's rows, which is how a test lets a process die and come back.
/// It keeps the newest completions of each signer up to a limit, and of other sessions what is not over.
public final class InMemorySessionStore: SessionStore {
    private struct NonceKey: Hashable {
        var attempt: UInt32
        var run: UInt64
    }

    private struct Row {
        var session: StoredSession
        var expiresAt: UInt64
        var joinRuns: [Int: UInt64] = [:]
    }

    /// Kept apart from the sessions: an insert-if-absent row must be found until the session expires, whatever became of it.
    private struct Contributions {
        var expiresAt: UInt64
        var nonces: [NonceKey: [UInt8]] = [:]
        var partials: [UInt32: [UInt8]] = [:]
    }

    private struct Ledger {
        var rows: [SessionID: Row] = [:]
        var contributions: [SessionID: Contributions] = [:]
        var completions: [SessionID: StoredCompletion] = [:]
        var completionOrder: [SessionID] = []
        var completionHead = 0
    }

    private struct Contents {
        var ledgers: [PublicKey: Ledger] = [:]
        /// Every number of a run below is taken. One counter for all signers, never set back.
        var nextRunNumber: UInt64 = 0
    }

    private let contents = Mutex(Contents())
    private let completionLimit: Int

    /// An empty store.
    ///
    /// - Parameter completionLimit: How many finished sessions of a signer are kept; the oldest go first.
    public init(completionLimit: Int = 1_000) {
        self.completionLimit = max(1, completionLimit)
    }

    /// A store with the same rows: what a backup would hold.
    public func copy() -> InMemorySessionStore {
        let copy = InMemorySessionStore(completionLimit: completionLimit)
        let rows = contents.withLock { $0 }
        copy.contents.withLock { $0 = rows }
        return copy
    }

    /// Carries out writes in order; never fails.
    public func commit(_ writes: [StoreWrite], signer: PublicKey) async -> [StoreOutcome] {
        commitNow(writes, signer: signer)
    }

    /// As ``commit(_:signer:)``, without a wait.
    public func commitNow(_ writes: [StoreWrite], signer: PublicKey) -> [StoreOutcome] {
        contents.withLock { contents in
            writes.map { write in
                if case .runBlock(let start, let count) = write {
                    guard contents.nextRunNumber <= start else { return .taken(below: contents.nextRunNumber) }
                    let (end, isOver) = start.addingReportingOverflow(count)
                    contents.nextRunNumber = isOver ? .max : end
                    return .written
                }
                return Self.apply(
                    write, to: &contents.ledgers[signer, default: Ledger()], completionLimit: completionLimit)
            }
        }
    }

    /// Everything that a new process of this signer needs; never fails.
    public func load(signer: PublicKey, completions: Int) async -> StoredState {
        stateNow(signer: signer, completions: completions)
    }

    /// As ``load(signer:completions:)``, without a wait.
    func stateNow(signer: PublicKey, completions: Int) -> StoredState {
        contents.withLock { contents in
            var state = StoredState()
            state.nextRunNumber = contents.nextRunNumber
            guard let ledger = contents.ledgers[signer] else { return state }
            state.sessions = ledger.rows.values
                .filter { $0.session.end.map { $0.kind == .aborted || $0.kind == .declined } ?? true }
                .map { Self.whole($0, ledger) }
            state.completions = ledger.completionOrder[ledger.completionHead...].reversed().prefix(completions)
                .compactMap { ledger.completions[$0] }
            return state
        }
    }

    private static func whole(_ row: Row, _ ledger: Ledger) -> StoredSession {
        var session = row.session
        if let contributions = ledger.contributions[session.id] {
            session.nonces = Array(contributions.nonces.values)
            session.partials = Array(contributions.partials.values)
        }
        return session
    }

    /// What is here of one session, whatever ended it; never fails.
    public func session(_ session: SessionID, signer: PublicKey) async -> StoredSession? {
        sessionNow(session, signer: signer)
    }

    /// As ``session(_:signer:)``, without a wait.
    func sessionNow(_ session: SessionID, signer: PublicKey) -> StoredSession? {
        contents.withLock { contents in
            guard let ledger = contents.ledgers[signer], let row = ledger.rows[session] else { return nil }
            return Self.whole(row, ledger)
        }
    }

    /// The finished session with this id, if it is still kept; never fails.
    public func completion(of session: SessionID, signer: PublicKey) async -> StoredCompletion? {
        contents.withLock { $0.ledgers[signer]?.completions[session] }
    }

    private static func apply(_ write: StoreWrite, to ledger: inout Ledger, completionLimit: Int) -> StoreOutcome {
        switch write {
        case .session(let id, let announcement, let createdHere, let expiresAt):
            let stored = StoredSession(id: id, announcement: announcement, createdHere: createdHere)
            ledger.rows[id, default: Row(session: stored, expiresAt: expiresAt)].session.announcement = announcement
            if ledger.contributions[id] == nil { ledger.contributions[id] = Contributions(expiresAt: expiresAt) }
        case .approval(let id, let isApproved, _):
            ledger.rows[id]?.session.isApproved = isApproved
        case .join(let id, let signer, let run, let message):
            guard let row = ledger.rows[id], (row.joinRuns[signer] ?? 0) <= run else { return .written }
            ledger.rows[id]?.joinRuns[signer] = run
            ledger.rows[id]?.session.joins[signer] = message
        case .nonces(let id, let attempt, let run, let message):
            let key = NonceKey(attempt: attempt, run: run)
            if let there = ledger.contributions[id]?.nonces[key] { return .exists(message: there) }
            ledger.contributions[id, default: Contributions(expiresAt: .max)].nonces[key] = message
        case .partials(let id, let attempt, let message):
            if let there = ledger.contributions[id]?.partials[attempt] { return .exists(message: there) }
            ledger.contributions[id, default: Contributions(expiresAt: .max)].partials[attempt] = message
        case .runBlock:
            // It is of all signers.
            break
        case .completion(let completion): archive(completion, in: &ledger, limit: completionLimit)
        case .ended(let id, let end): ledger.rows[id]?.session.end = end
        case .resumed(let id): ledger.rows[id]?.session.end = nil
        case .forget(let id):
            ledger.rows[id] = nil
            ledger.completions[id] = nil
        case .sweep(let now): sweep(&ledger, now)
        }
        return .written
    }

    private static func archive(_ completion: StoredCompletion, in ledger: inout Ledger, limit: Int) {
        ledger.rows[completion.id] = nil
        guard ledger.completions.updateValue(completion, forKey: completion.id) == nil else { return }
        ledger.completionOrder.append(completion.id)
        while ledger.completions.count > limit, ledger.completionHead < ledger.completionOrder.count {
            ledger.completions[ledger.completionOrder[ledger.completionHead]] = nil
            ledger.completionHead += 1
        }
        if ledger.completionHead > limit {
            ledger.completionOrder.removeFirst(ledger.completionHead)
            ledger.completionHead = 0
        }
    }

    private static func sweep(_ ledger: inout Ledger, _ now: UInt64) {
        ledger.rows = ledger.rows.filter { row in
            row.value.expiresAt > now || row.value.session.end.map(\.isAfterPartial) ?? true
        }
        let open = Set(ledger.rows.filter { $0.value.session.end == nil }.keys)
        ledger.contributions = ledger.contributions.filter { $0.value.expiresAt > now || open.contains($0.key) }
    }
}
