import MuSig2Session
@_spi(Waiting) import PeerTransport
import WireCodec

extension MessageType {
    /// Whether it says that its session has ended at its author: such messages leave after the end.
    var endsSession: Bool { self == .abort || self == .decline }
}

/// What waits for its turn: inputs of the machine, and writes for the store.
///
/// A turn takes all inputs there are, writes all that they ask for at once, and only then lets anything leave that needed a write. While the
/// store is busy, new inputs wait here.
struct InputBatch {
    var isRunning = false
    /// Opened when the turn under way ends.
    var waiting: [OneShot<Void>] = []
    /// When writes that failed are tried again.
    var retryAt: Duration?
    /// Whether the last commit failed: a failure is told once.
    var isStoreFailing = false

    private var inputs: [CoordinatorInput] = []
    private var head = 0
    private var loads: [SessionID] = []
    private(set) var batch = WriteBatch()

    var hasInputs: Bool { head < inputs.count }
    var hasWrites: Bool { !batch.writes.isEmpty }

    mutating func append(_ input: CoordinatorInput) {
        inputs.append(input)
    }

    mutating func next() -> CoordinatorInput? {
        guard head < inputs.count else {
            inputs.removeAll(keepingCapacity: true)
            head = 0
            return nil
        }
        defer { head += 1 }
        return inputs[head]
    }

    mutating func add(_ write: StoreWrite) {
        batch.add(write)
    }

    /// Adds a message with its row, which says whether it may leave.
    mutating func add(_ issue: WriteBatch.Issue, row: StoreWrite) {
        batch.add(issue, row: row)
    }

    mutating func add(claim block: Range<UInt64>) {
        batch.add(claim: block)
    }

    /// What the store has of the session is wanted.
    mutating func load(_ session: SessionID) {
        if !loads.contains(session) { loads.append(session) }
    }

    mutating func takeLoads() -> [SessionID] {
        let taken = loads
        loads = []
        return taken
    }

    mutating func takeBatch() -> WriteBatch {
        let taken = batch
        batch = WriteBatch()
        return taken
    }

    /// Puts back, in front, the writes of a failed commit that the machines do not ask for again.
    mutating func putBack(_ failed: WriteBatch) {
        batch = batch.rebuilt(after: failed.others)
    }

    /// Drops what waits of the messages of a session, and their rows, but for its ABORT or DECLINE.
    mutating func dropUnsent(of session: SessionID) {
        guard batch.issues.contains(where: { $0.session == session && !$0.unsigned.body.type.endsSession }) else {
            return
        }
        batch = batch.rebuilt(keeping: { $0.session != session || $0.unsigned.body.type.endsSession })
    }
}
