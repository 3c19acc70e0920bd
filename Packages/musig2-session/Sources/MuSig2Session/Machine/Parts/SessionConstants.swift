import Multiformats
import Secp256k1
import WireCodec

/// What does not change in a session's life. A class, so that copying a machine copies one reference.
final class SessionConstants<Crypto: SessionCrypto>: Hashable, Sendable {
    let descriptor: SessionDescriptor
    let crypto: Crypto
    let me: Int
    let local: LocalPeer
    let configuration: SessionConfiguration
    let order: ElectionOrder
    /// The session's id, as it is in every message.
    let idBytes: [UInt8]

    init(
        descriptor: SessionDescriptor, crypto: Crypto, me: Int, local: LocalPeer, configuration: SessionConfiguration
    ) {
        self.descriptor = descriptor
        self.crypto = crypto
        self.me = me
        self.local = local
        self.configuration = configuration
        order = descriptor.electionOrder
        idBytes = descriptor.id.bytes
    }

    static func == (left: SessionConstants, right: SessionConstants) -> Bool {
        left === right
            || (left.descriptor == right.descriptor && left.crypto == right.crypto && left.me == right.me
                && left.local == right.local && left.configuration == right.configuration)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(descriptor)
        hasher.combine(me)
    }
}

extension SessionConstants {
    var signerCount: Int { descriptor.signerKeys.count }
    var isStar: Bool { descriptor.topology == .star }
    var hasCommitmentRound: Bool { descriptor.hasCommitmentRound }

    /// Whether a JOIN names this signer's peer without being of a signer that is here: it is neither kept nor passed on.
    func isOwnPeer(_ peer: PeerID, claimedBy index: Int) -> Bool {
        peer == local.peer && !local.otherSigners.contains(index)
    }

    var evidenceChecker: EvidenceChecker<Crypto> { EvidenceChecker(descriptor: descriptor, crypto: crypto) }

    /// Whether a body is signed by its author's message key.
    func isSigned(_ message: SignedMessage) -> Bool {
        crypto.isValid(signature: message.signature, ofBody: message.bodyBytes, signer: Int(message.body.index))
    }

    /// The leaf of the NONCE_SHARE that a body carries.
    func leaf(of share: NonceShare, _ body: MessageBody) -> Hash32 {
        Transcript.leaf(of: share, in: body, session: descriptor.id, using: crypto)
    }

    func transcript(attempt: UInt32, leaves: [Hash32]) -> Hash32 {
        Transcript.transcript(session: descriptor.id, attempt: attempt, leaves: leaves, using: crypto)
    }
}
