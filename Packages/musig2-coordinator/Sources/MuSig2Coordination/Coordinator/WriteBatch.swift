import MuSig2Session
import WireCodec

/// The writes of one commit, in order, and what waits for them.
///
/// Of the writes that say the same thing anew only the newest waits: while a store fails, what there is to write grows with what there is, and
/// not with what comes in.
struct WriteBatch {
    /// A signed message that may leave once its row is durable.
    struct Issue {
        var session: SessionID
        var unsigned: UnsignedMessage
        var signed: SignedMessage
        /// Which of the writes its row is.
        var row = 0
    }

    /// Numbers of runs that may be used once the store says that they are this node's.
    struct Claim {
        var block: Range<UInt64>
        /// Which of the writes it is.
        var row: Int
    }

    private(set) var writes: [StoreWrite] = []
    private(set) var issues: [Issue] = []
    private(set) var claims: [Claim] = []
    /// Where the writes stand of which the newest counts.
    private var places: [SessionID: [Key: Int]] = [:]
    private var sweepPlace: Int?

    /// What a write says something of.
    private enum Key: Hashable {
        case announcement
        case approval
        case join(Int)
        case end
        case partials(UInt32)
        /// The session is gone or complete.
        case last
    }

    mutating func add(_ write: StoreWrite) {
        guard case .sweep = write else { return addKeyed(write) }
        if let sweepPlace {
            writes[sweepPlace] = write
        } else {
            sweepPlace = writes.count
            writes.append(write)
        }
    }

    private mutating func addKeyed(_ write: StoreWrite) {
        guard let (session, key) = Self.key(of: write) else {
            writes.append(write)
            return
        }
        if key == .last { dropRows(of: session) }
        guard let place = places[session]?[key] else {
            places[session, default: [:]][key] = writes.count
            writes.append(write)
            return
        }
        if Self.isNewer(write, than: writes[place]) { writes[place] = write }
    }

    /// A session that is gone or complete has no rows any more but its contributions: what was to be written of them is not written.
    private mutating func dropRows(of session: SessionID) {
        let doomed = (places[session] ?? [:]).filter { pair in
            if case .partials = pair.key { false } else { true }
        }
        guard !doomed.isEmpty else { return }
        self = rebuilt(without: Set(doomed.values))
    }

    mutating func add(_ issue: Issue, row: StoreWrite) {
        var issue = issue
        issue.row = writes.count
        writes.append(row)
        issues.append(issue)
    }

    mutating func add(claim block: Range<UInt64>) {
        claims.append(Claim(block: block, row: writes.count))
        writes.append(.runBlock(start: block.lowerBound, count: UInt64(block.count)))
    }

    /// The writes that are neither the row of a message nor a claim, in order: nobody asks for them again.
    var others: [StoreWrite] {
        let rows = Set(issues.map(\.row) + claims.map(\.row))
        return writes.enumerated().filter { !rows.contains($0.offset) }.map(\.element)
    }

    /// The same, in order: after other writes, without some of them, and without the messages that are not wanted.
    func rebuilt(
        after earlier: [StoreWrite] = [],
        without doomed: Set<Int> = [],
        keeping isWanted: (Issue) -> Bool = { _ in true }
    ) -> WriteBatch {
        var batch = WriteBatch()
        for write in earlier { batch.add(write) }
        var nextIssue = 0
        var nextClaim = 0
        for (row, write) in writes.enumerated() {
            if nextIssue < issues.count, issues[nextIssue].row == row {
                if isWanted(issues[nextIssue]) { batch.add(issues[nextIssue], row: write) }
                nextIssue += 1
            } else if nextClaim < claims.count, claims[nextClaim].row == row {
                batch.add(claim: claims[nextClaim].block)
                nextClaim += 1
            } else if !doomed.contains(row) {
                batch.add(write)
            }
        }
        return batch
    }

    private static func key(of write: StoreWrite) -> (SessionID, Key)? {
        switch write {
        case .session(let id, _, _, _): (id, .announcement)
        case .approval(let id, _, _): (id, .approval)
        case .join(let id, let signer, _, _): (id, .join(signer))
        case .partials(let id, let attempt, _): (id, .partials(attempt))
        case .ended(let id, _), .resumed(let id): (id, .end)
        case .completion(let completion): (completion.id, .last)
        case .forget(let id): (id, .last)
        case .nonces, .runBlock, .sweep: nil
        }
    }

    private static func isNewer(_ write: StoreWrite, than older: StoreWrite) -> Bool {
        switch (write, older) {
        case (.join(_, _, let run, _), .join(_, _, let olderRun, _)): run >= olderRun
        // Insert if absent: the first one stands.
        case (.partials, .partials): false
        default: true
        }
    }
}
