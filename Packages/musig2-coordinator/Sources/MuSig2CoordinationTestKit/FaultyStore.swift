public import MuSig2Coordination
public import MuSig2Session
public import Secp256k1
import Synchronization

/// A store around another one that fails, loses or stops when a test says so.
public final class FaultyStore: SessionStore {
    /// What happens to a commit.
    public enum Fault: Sendable, Hashable {
        /// Nothing is written; the commit throws.
        case fails
        /// All is written; the commit throws all the same, as when a process dies before it hears of it.
        case writesAndFails
    }

    /// What the store throws.
    public struct Failure: Error, Hashable, CustomStringConvertible {
        /// The text that a disk without room would give.
        public var description: String { "no space left on device (test)" }

        /// Makes a failure.
        public init() {}
    }

    private struct State {
        var rule: (@Sendable (_ number: Int, _ writes: [StoreWrite]) -> Fault?)?
        var commits = 0
        var written: [StoreWrite] = []
    }

    private let store: InMemorySessionStore
    private let state = Mutex(State())

    /// Wraps a store.
    ///
    /// - Parameter store: Where the rows go.
    public init(_ store: InMemorySessionStore = InMemorySessionStore()) {
        self.store = store
    }

    /// The store behind it.
    public var base: InMemorySessionStore { store }

    /// How many commits were asked for so far.
    public var commits: Int { state.withLock { $0.commits } }

    /// All writes that became durable, in order.
    public var written: [StoreWrite] { state.withLock { $0.written } }

    /// Sets the rule by which commits fail; nil mends the store.
    ///
    /// - Parameter rule: Given the number of the commit, from 1, and its writes: what goes wrong, or nil.
    public func setRule(_ rule: (@Sendable (_ number: Int, _ writes: [StoreWrite]) -> Fault?)?) {
        state.withLock { $0.rule = rule }
    }

    /// Writes, unless the rule says otherwise.
    public func commit(_ writes: [StoreWrite], signer: PublicKey) async throws -> [StoreOutcome] {
        let fault = state.withLock { state in
            state.commits += 1
            return state.rule?(state.commits, writes)
        }
        if fault == .fails { throw Failure() }
        let outcomes = store.commitNow(writes, signer: signer)
        state.withLock { state in
            for (write, outcome) in zip(writes, outcomes) where outcome == .written { state.written.append(write) }
        }
        if fault == .writesAndFails { throw Failure() }
        return outcomes
    }

    /// What the store behind it has.
    public func load(signer: PublicKey, completions: Int) async throws -> StoredState {
        await store.load(signer: signer, completions: completions)
    }

    /// What the store behind it has.
    public func session(_ session: SessionID, signer: PublicKey) async throws -> StoredSession? {
        await store.session(session, signer: signer)
    }

    /// What the store behind it has.
    public func completion(of session: SessionID, signer: PublicKey) async throws -> StoredCompletion? {
        await store.completion(of: session, signer: signer)
    }
}
