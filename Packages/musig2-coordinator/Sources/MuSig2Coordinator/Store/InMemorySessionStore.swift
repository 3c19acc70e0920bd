public import MuSig2Session
public import Secp256k1
import Synchronization

/// A store in memory: for tests, and for programs whose sessions need not outlive the process.
///
/// Coordinators that share one object see each other's rows, which is how a test lets a process die and come back.
/// It keeps the newest tombstones of each signer up to a limit, and of other sessions what is not over.
public final class InMemorySessionStore: SessionStore {
    private struct NonceKey: Hashable {
        var attempt: UInt32
        var run: UInt64
    }

    private struct Row {
        var session: StoredSession
        var joinRuns: [Int: UInt64] = [:]
    }

    /// Kept apart from the sessions: an insert-if-absent row must be found also by a process that still runs a session which
    /// another one has finished.
    private struct Contributions {
        var nonces: [NonceKey: [UInt8]] = [:]
        var partials: [UInt32: [UInt8]] = [:]
    }

    private struct Ledger {
        var highestRun: UInt64 = 0
        var rows: [SessionID: Row] = [:]
        var contributions: [SessionID: Contributions] = [:]
        var tombstones: [SessionID: StoredTombstone] = [:]
        var tombstoneOrder: [SessionID] = []
        var tombstoneHead = 0
    }

    private let ledgers = Mutex<[PublicKey: Ledger]>([:])
    private let tombstoneLimit: Int

    /// An empty store.
    ///
    /// - Parameter tombstoneLimit: How many finished sessions of a signer are kept; the oldest go first.
    public init(tombstoneLimit: Int = 1_000) {
        self.tombstoneLimit = max(1, tombstoneLimit)
    }

    /// A store with the same rows: what a backup would hold.
    public func copy() -> InMemorySessionStore {
        let copy = InMemorySessionStore(tombstoneLimit: tombstoneLimit)
        let rows = ledgers.withLock { $0 }
        copy.ledgers.withLock { $0 = rows }
        return copy
    }

    /// Carries out writes in order; never fails.
    public func commit(_ writes: [StoreWrite], signer: PublicKey) async -> [StoreOutcome] {
        commitNow(writes, signer: signer)
    }

    /// As ``commit(_:signer:)``, without a wait.
    public func commitNow(_ writes: [StoreWrite], signer: PublicKey) -> [StoreOutcome] {
        ledgers.withLock { ledgers in
            writes.map { Self.apply($0, to: &ledgers[signer, default: Ledger()], tombstoneLimit: tombstoneLimit) }
        }
    }

    /// Everything that a new process of this signer needs; never fails.
    public func load(signer: PublicKey, tombstones: Int) async -> StoredState {
        stateNow(signer: signer, tombstones: tombstones)
    }

    /// As ``load(signer:tombstones:)``, without a wait.
    func stateNow(signer: PublicKey, tombstones: Int) -> StoredState {
        ledgers.withLock { ledgers in
            var state = StoredState()
            guard let ledger = ledgers[signer] else { return state }
            state.highestRun = ledger.highestRun
            state.sessions = ledger.rows.values.map { row in
                var session = row.session
                if let contributions = ledger.contributions[session.id] {
                    session.nonces = Array(contributions.nonces.values)
                    session.partials = Array(contributions.partials.values)
                }
                return session
            }
            state.tombstones = ledger.tombstoneOrder[ledger.tombstoneHead...].reversed().prefix(tombstones)
                .compactMap { ledger.tombstones[$0] }
            return state
        }
    }

    /// The finished session with this id, if it is still kept; never fails.
    public func tombstone(of session: SessionID, signer: PublicKey) async -> StoredTombstone? {
        ledgers.withLock { $0[signer]?.tombstones[session] }
    }

    private static func apply(_ write: StoreWrite, to ledger: inout Ledger, tombstoneLimit: Int) -> StoreOutcome {
        switch write {
        case .session(let id, let announcement, let createdHere):
            let stored = StoredSession(id: id, announcement: announcement, createdHere: createdHere)
            if ledger.rows[id]?.session.announcement != announcement {
                ledger.rows[id, default: Row(session: stored)].session.announcement = announcement
            }
        case .approval(let id, let isApproved, _):
            ledger.rows[id]?.session.isApproved = isApproved
        case .join(let id, let signer, let run, let message):
            guard let row = ledger.rows[id], (row.joinRuns[signer] ?? 0) <= run else { return .written }
            ledger.rows[id]?.joinRuns[signer] = run
            ledger.rows[id]?.session.joins[signer] = message
        case .nonces(let id, let attempt, let run, let message):
            let key = NonceKey(attempt: attempt, run: run)
            if let there = ledger.contributions[id]?.nonces[key] { return .exists(message: there) }
            ledger.contributions[id, default: Contributions()].nonces[key] = message
        case .partials(let id, let attempt, let message):
            if let there = ledger.contributions[id]?.partials[attempt] { return .exists(message: there) }
            ledger.contributions[id, default: Contributions()].partials[attempt] = message
        case .highestRun(let run):
            ledger.highestRun = max(ledger.highestRun, run)
        case .tombstone(let tombstone):
            ledger.rows[tombstone.id] = nil
            ledger.contributions[tombstone.id]?.nonces = [:]
            guard ledger.tombstones.updateValue(tombstone, forKey: tombstone.id) == nil else { return .written }
            ledger.tombstoneOrder.append(tombstone.id)
            while ledger.tombstones.count > tombstoneLimit, ledger.tombstoneHead < ledger.tombstoneOrder.count {
                let oldest = ledger.tombstoneOrder[ledger.tombstoneHead]
                ledger.tombstones[oldest] = nil
                ledger.contributions[oldest] = nil
                ledger.tombstoneHead += 1
            }
            if ledger.tombstoneHead > tombstoneLimit {
                ledger.tombstoneOrder.removeFirst(ledger.tombstoneHead)
                ledger.tombstoneHead = 0
            }
        case .ended(let id), .forget(let id):
            ledger.rows[id] = nil
            ledger.contributions[id] = nil
            if case .forget = write { ledger.tombstones[id] = nil }
        }
        return .written
    }
}
