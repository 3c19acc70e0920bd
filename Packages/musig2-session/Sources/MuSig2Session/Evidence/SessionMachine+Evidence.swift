internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// Making evidence, and acting on it.
extension SessionMachine {
    internal func contradiction(of index: Int, _ first: SignedMessage, _ second: SignedMessage) -> Evidence {
        Evidence(kind: .contradiction, culprit: UInt32(index), signedMessages: [first, second])
    }

    internal func unopenedCommitment(of index: Int, _ commitment: SignedMessage, _ share: SignedMessage) -> Evidence {
        Evidence(kind: .unopenedCommitment, culprit: UInt32(index), signedMessages: [commitment, share])
    }

    internal func invalidPartial(
        of index: Int, _ partial: PartialSlot, _ nonces: NonceSlot<Crypto.Nonces>,
        _ agreement: Agreement<Crypto.Context>
    ) -> Evidence {
        Evidence(
            kind: .invalidPartial,
            culprit: UInt32(index),
            signedMessages: [nonces.message, partial.message],
            leaves: agreement.leaves.map(\.bytes),
            aggregateNonces: agreement.aggregateNonces
        )
    }

    /// Whether evidence of others convicts.
    internal func isConvincing(_ evidence: Evidence) -> Bool {
        do throws(EvidenceError) {
            _ = try EvidenceChecker(descriptor: descriptor, crypto: crypto).check(evidence)
            return true
        } catch {
            return false
        }
    }

    /// Keeps EVIDENCE that was checked, and shows it to all others: a culprit must not be the only one that hears of it.
    internal mutating func keepEvidence(_ message: SignedMessage, from peer: PeerID?, _ turn: inout Turn<Crypto>) {
        let sender = peer.flatMap { peers.index(of: $0) }
        guard keptEvidence.count < configuration.keptEvidence else { return broadcast(message, except: peer, &turn) }
        let isShown = sender.map { peers[at: $0].evidenceShown == keptEvidence.count } ?? false
        keptEvidence.append(message)
        if let sender, isShown { peers[at: sender].evidenceShown = keptEvidence.count }
        for entry in peers.entries.indices where peers[at: entry].isConnected {
            showEvidence(toPeerAt: entry, &turn)
        }
    }

    /// Shows a bound peer the evidence that it was not shown.
    internal mutating func showEvidence(toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard peers[at: entry].isNamed, peers[at: entry].evidenceShown < keptEvidence.count else { return }
        for message in keptEvidence[peers[at: entry].evidenceShown...] {
            turn.send(.signed(message), to: peers.entries[entry].peer)
        }
        peers[at: entry].evidenceShown = keptEvidence.count
    }

    internal mutating func tellEvidence(_ evidence: Evidence, _ turn: inout Turn<Crypto>) {
        guard convicted.insert(Int(evidence.culprit)).inserted else { return }
        turn.tell(.evidence(evidence))
    }

    /// Acts on evidence that was found here: a coordinator's aggregates cost an attempt, anything else the session.
    internal mutating func convict(_ evidence: Evidence, _ turn: inout Turn<Crypto>) {
        tellEvidence(evidence, &turn)
        let isAggregate = evidence.signedMessages.contains { $0.body.type == .noncesComplete }
        if isAggregate {
            restart(.failedAttempt, &turn)
            issue(.evidence(evidence), attempt: 0, record: .none, &turn)
        } else {
            abort(.invalidContribution, text: "", evidence: evidence, &turn)
        }
    }
}
