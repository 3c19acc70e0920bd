import MuSig2Session
import WireCodec

extension StoreWrite {
    /// What a session's machine wants to be durable when convenient.
    ///
    /// - Parameters:
    ///   - record: What the machine wants.
    ///   - session: Which session.
    ///   - entry: The session as it is now.
    ///   - now: The time.
    init(_ record: SessionRecord, of session: SessionID, _ entry: SessionEntry, at now: Now) {
        switch record {
        case .join(let index, let message):
            self = .join(session, signer: index, run: message.body.run, message: message.encoded())
        case .approval(let isApproved):
            self = .approval(session, isApproved: isApproved, at: now.wallMilliseconds)
        case .recoveredPartial(let message):
            self = .partials(session, attempt: message.body.attempt, message: message.encoded())
        case .completed(let signatures): self = .completion(StoredCompletion(entry, signatures))
        case .ended(let end): self = .ended(session, StoredEnd(end))
        }
    }
}
