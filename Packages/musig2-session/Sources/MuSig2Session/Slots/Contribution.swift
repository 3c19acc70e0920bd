import Secp256k1
import WireCodec

/// What a message of an attempt contributes, parsed.
enum Contribution<Crypto: SessionCrypto> {
    case commitment(Hash32)
    case commitmentsComplete(Hash32)
    case nonces(Crypto.Nonces, leaf: Hash32)
    case unusedNonces
    case aggregate(AggregateSlot<Crypto.Context>)
    case unusedAggregate
    case partials(context: Hash32, [[UInt8]])
    case restart(Restart)
}

extension Contribution {
    /// Parses what a message contributes; nil if it is malformed.
    init?(_ payload: Payload, _ message: SignedMessage, to slots: SlotTable<Crypto>) {
        let body = message.body
        let constants = slots.constants
        let crypto = constants.crypto
        switch payload {
        case .nonceCommit(let commit):
            guard let leaf = Hash32(commit.leaf) else { return nil }
            self = .commitment(leaf)
        case .nonceCommitsComplete(let complete):
            guard let transcript = Hash32(complete.transcript) else { return nil }
            self = .commitmentsComplete(transcript)
        case .nonceShare(let share):
            // A signer that follows passes it on, so that all parse it, also those that have no use for nonces.
            guard let nonces = crypto.nonces(share.nonces) else { return nil }
            let isUsed = !constants.isStar || constants.order.coordinator(ofAttempt: body.attempt) == constants.me
            self = isUsed ? .nonces(nonces, leaf: constants.leaf(of: share, body)) : .unusedNonces
        case .noncesComplete(let complete):
            // Without own nonces in the attempt it cannot be for this signer.
            guard body.attempt <= slots.attempt.number else {
                self = .unusedAggregate
                return
            }
            let leaves = complete.leaves.compactMap { Hash32($0) }
            guard leaves.count == constants.signerCount,
                let values = crypto.context(aggregateNonces: complete.aggregateNonces)
            else { return nil }
            self = .aggregate(
                AggregateSlot(
                    message: message, leaves: leaves, aggregateNonces: complete.aggregateNonces, context: values))
        case .partialSigShare(let share):
            guard let hash = Hash32(share.context), crypto.isWellFormed(partials: share.partials) else { return nil }
            self = .partials(context: hash, share.partials)
        case .restart(let restart):
            self = .restart(restart)
        case .join, .abort, .evidence, .broadcastDone, .decline:
            return nil
        }
    }
}
