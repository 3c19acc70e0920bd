import Secp256k1
import WireCodec

/// Going on after a restart of the process.
extension SlotTable {
    /// Goes on with an attempt: the recorded partial and its nonces are put back into their slots, so that the same bytes are sent again.
    mutating func restoreAttempt(_ number: UInt32, _ saved: SessionLedger) {
        let partial = saved.partials.first { $0.body.attempt == number }
        let recorded = newestNonces(saved, attempt: number, run: partial?.body.run)
        // A signer that follows this one into an attempt is shown what brought this one there.
        if number > 1 { beginAttempt(number, cause: AttemptCause(origin: recorded?.message)) }
        guard let partial else { return }
        attempt.ownNonces = .spent
        guard let share = try? PartialSigShare(decoding: partial.body.payload), let hash = Hash32(share.context),
            let recorded, recorded.message.body.run == partial.body.run,
            let nonces = constants.crypto.nonces(recorded.share.nonces)
        else { return }
        attempt.columns.partials[me] = PartialSlot(message: partial, context: hash, partials: share.partials)
        let leaf = constants.leaf(of: recorded.share, recorded.message.body)
        attempt.columns.nonces[me] = NonceSlot(message: recorded.message, leaf: leaf, nonces: nonces)
    }

    /// The recorded nonces of an attempt: those of a run, or of the newest one.
    private func newestNonces(
        _ saved: SessionLedger, attempt number: UInt32, run: UInt64?
    ) -> (message: SignedMessage, share: NonceShare)? {
        let rows = saved.nonces.filter { $0.body.attempt == number }
        let row = rows.first { $0.body.run == run } ?? rows.max { $0.body.run < $1.body.run }
        guard let row, let share = try? NonceShare(decoding: row.body.payload) else { return nil }
        return (row, share)
    }
}
