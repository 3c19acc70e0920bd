import Secp256k1
import WireCodec

/// Evidence that a session finds. The author of the messages is the culprit.
extension Evidence {
    static func contradiction(_ first: SignedMessage, _ second: SignedMessage) -> Evidence {
        Evidence(kind: .contradiction, culprit: first.body.index, signedMessages: [first, second])
    }

    static func unopenedCommitment(_ commitment: SignedMessage, _ share: SignedMessage) -> Evidence {
        Evidence(kind: .unopenedCommitment, culprit: share.body.index, signedMessages: [commitment, share])
    }

    static func invalidPartial<Nonces, Context>(
        _ partial: PartialSlot, _ nonces: NonceSlot<Nonces>, _ agreement: Agreement<Context>
    ) -> Evidence {
        Evidence(
            kind: .invalidPartial,
            culprit: partial.message.body.index,
            signedMessages: [nonces.message, partial.message],
            leaves: agreement.leaves.map(\.bytes),
            aggregateNonces: agreement.aggregateNonces
        )
    }
}
