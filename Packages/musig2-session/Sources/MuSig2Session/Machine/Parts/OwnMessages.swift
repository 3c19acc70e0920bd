import WireCodec

/// What this signer says: in which run, what of it is recorded, and what is on its way.
struct OwnMessages: Hashable, Sendable {
    var claim: RunClaim
    var ledger: OwnLedger
    var queue = IssueQueue()

    init(run: UInt64, ledger: OwnLedger) {
        claim = RunClaim(run: run)
        self.ledger = ledger
    }

    /// Whether a JOIN of this signer may be with others, from this run or an earlier one: then it aborts, and declines no more.
    var mayHaveJoined: Bool { ledger.hasJoined || claim.hasJoined }

    /// Remembers what is durable now, whether it leaves or not.
    mutating func note(_ body: MessageBody, record: LedgerRow) {
        switch record {
        case .none, .join, .end: break
        case .nonces: ledger.noteNonces(body)
        case .partials: ledger.notePartial(body)
        }
    }

    /// A higher run is claimed.
    ///
    /// - Returns: Whether it is what was asked for.
    mutating func raiseRun(to higher: UInt64) -> Bool {
        guard claim.raise(to: higher) else { return false }
        queue.beginRun()
        return true
    }

    /// The session is over: nothing waits any more.
    mutating func end() {
        queue.removeAll()
        claim.stopWaiting()
    }
}
