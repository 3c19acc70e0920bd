import MuSig2Session
import WireCodec

/// What waits for its turn: inputs of the machine, and writes for the store.
///
/// A turn takes all inputs there are, writes all that they ask for at once, and only then lets anything leave that needed a write. While the
/// store is busy, new inputs wait here.
struct TurnQueue {
    /// A signed message that may leave once its rows are durable.
    struct Issue {
        var session: SessionID
        var unsigned: UnsignedMessage
        var signed: SignedMessage
        /// Which of the writes is the insert-if-absent row; nil: none of its writes is one.
        var row: Int?
    }

    /// What one commit carries.
    struct Batch {
        var writes: [StoreWrite] = []
        var issues: [Issue] = []
    }

    var isRunning = false
    /// Opened when the turn under way ends.
    var gates: [Gate] = []
    /// When writes that failed are tried again.
    var retryAt: Duration?
    /// Whether the last commit failed: a failure is told once.
    var isStoreFailing = false

    private var inputs: [CoordinatorInput] = []
    private var head = 0
    private(set) var batch = Batch()

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
        batch.writes.append(write)
    }

    /// Adds a message with its rows; the last row is the one that says whether it may leave.
    mutating func add(_ issue: Issue, rows: [StoreWrite]) {
        batch.writes += rows
        var issue = issue
        issue.row = batch.writes.count - 1
        batch.issues.append(issue)
    }

    mutating func takeBatch() -> Batch {
        let taken = batch
        batch = Batch()
        return taken
    }

    /// Puts back, in front, the writes of a failed commit that the session machines do not ask for again.
    mutating func putBack(_ failed: Batch) {
        let rows = Set(failed.issues.compactMap(\.row))
        let others = failed.writes.enumerated().filter { !rows.contains($0.offset) }.map(\.element)
        for index in batch.issues.indices {
            batch.issues[index].row = batch.issues[index].row.map { $0 + others.count }
        }
        batch.writes = others + batch.writes
    }
}
