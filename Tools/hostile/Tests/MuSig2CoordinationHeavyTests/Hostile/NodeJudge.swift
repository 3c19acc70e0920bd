import MuSig2Session
import Secp256k1
import WireCodec

@testable import MuSig2Coordination

/// What must never be.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Judges what honest nodes let out, as an enemy would who kept it all. It knows nothing of machines: evidence goes to the
/// offline checker, and so does what evidence could be made of.
final class NodeJudge {
    /// A life of a signer's machine in an attempt.
    struct Place: Hashable {
        let signer: UInt32
        let attempt: UInt32
        let run: UInt64
    }

    private let checker: EvidenceChecker<BIP327>
    private let honest: Set<UInt32>
    /// The first message of each kind in each place.
    private var slots: [Place: [MessageType: SignedMessage]] = [:]
    /// Where each list of public nonces stood.
    private var nonces: [[[UInt8]]: Place] = [:]
    private var judged: Set<Evidence> = []
    /// How much there was to judge.
    var evidenceCount: Int { judged.count }

    init(descriptor: SessionDescriptor, crypto: BIP327, honest: Set<UInt32>) {
        checker = EvidenceChecker(descriptor: descriptor, crypto: crypto)
        self.honest = honest
    }

    /// A message left a peer: an honest signer's own, or one that it passes on.
    func see(_ message: SignedMessage, fromHonest: Bool) throws {
        let body = message.body
        if body.type == .evidence || body.type == .abort {
            switch try? Payload(decoding: body.payload, type: body.type) {
            case .evidence(let evidence)?: try judge(evidence, fromHonest: fromHonest)
            case .abort(let abort)?:
                if let evidence = abort.evidence { try judge(evidence, fromHonest: fromHonest) }
            default: break
            }
        }
        guard honest.contains(body.index) else { return }
        switch body.type {
        case .nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare:
            try enter(message, Place(signer: body.index, attempt: body.attempt, run: body.run))
        case .join, .restart, .abort, .evidence, .broadcastDone, .signatureFinalized, .decline: break
        }
    }

    private func enter(_ message: SignedMessage, _ place: Place) throws {
        if let held = slots[place]?[message.body.type] {
            guard held.body.payload != message.body.payload else { return }
            throw Violation("framing: \(place) signs two different \(message.body.type)s")
        }
        slots[place, default: [:]][message.body.type] = message
        guard message.body.type == .nonceCommit || message.body.type == .nonceShare else { return }
        if message.body.type == .nonceShare {
            let share = try NonceShare(decoding: message.body.payload)
            if let other = nonces.updateValue(place, forKey: share.nonces) {
                throw Violation("one nonce in two places: \(other) and \(place)")
            }
        }
        if let commitment = slots[place]?[.nonceCommit], let share = slots[place]?[.nonceShare] {
            try judge(
                Evidence(kind: .unopenedCommitment, culprit: place.signer, signedMessages: [commitment, share]),
                fromHonest: false)
        }
    }

    /// No evidence convicts an honest signer, whoever made it, and none that honest nodes send holds two partials under
    /// one nonce.
    func judge(_ evidence: Evidence, fromHonest: Bool) throws {
        if fromHonest { try expectNoPair(evidence) }
        guard judged.insert(evidence).inserted else { return }
        let culprit: Int
        do throws(EvidenceError) {
            culprit = try checker.check(evidence)
        } catch {
            return
        }
        if honest.contains(UInt32(culprit)) {
            throw Violation("framing: \(evidence.kind) convicts the honest signer \(culprit)")
        }
    }

    private func expectNoPair(_ evidence: Evidence) throws {
        var seen: [Place: [UInt8]] = [:]
        for message in evidence.signedMessages where message.body.type == .partialSigShare {
            let body = message.body
            let place = Place(signer: body.index, attempt: body.attempt, run: body.run)
            if let other = seen.updateValue(body.payload, forKey: place), other != body.payload {
                throw Violation("an honest node passes on two partials of \(place)")
            }
        }
    }
}
