import MuSig2Session
import Secp256k1
import SessionSimulation
import WireCodec

/// Judges from outside what honest signers signed: everything that ever left them, as an enemy would that kept it all.
///
/// It knows nothing of machines. Evidence goes to the offline checker, and so does every pair of messages from which
/// evidence could be made.
final class WireJudge {
    /// A life of a signer's machine in an attempt.
    struct Place: Hashable {
        let signer: Int
        let attempt: UInt32
        let run: UInt64
    }

    private let descriptor: SessionDescriptor
    private let crypto: StubGroup
    private let honest: Set<Int>
    private let checker: EvidenceChecker<StubGroup>
    /// The first message of each kind in each place.
    private var slots: [Place: [MessageType: SignedMessage]] = [:]
    /// Where each list of public nonces stood.
    private var nonces: [[[UInt8]]: Place] = [:]
    /// What each honest signer signed a partial for.
    private var contexts: [Place: StubGroup.Context] = [:]
    /// NONCE_SHAREs of everybody, by the leaf that they open.
    private var shares: [Hash32: SignedMessage] = [:]
    /// Evidence that was looked at.
    private var judged: Set<Evidence> = []
    /// How much there was to judge.
    private(set) var evidenceCount = 0

    init(descriptor: SessionDescriptor, crypto: StubGroup, honest: Set<Int>) {
        self.descriptor = descriptor
        self.crypto = crypto
        self.honest = honest
        checker = EvidenceChecker(descriptor: descriptor, crypto: crypto)
    }

    /// An honest signer's hands signed for this.
    func signed(_ place: Place, _ context: StubGroup.Context) throws {
        if contexts.updateValue(context, forKey: place) != nil { throw violation("\(place) signs twice") }
    }

    private func violation(_ text: String) -> InvariantViolation { InvariantViolation(text) }

    // MARK: Messages

    /// A message left somebody. Of honest signers only those count that they signed.
    func see(_ message: SignedMessage, sentByHonest: Bool) throws {
        let body = message.body
        let signer = Int(body.index)
        guard crypto.isValid(signature: message.signature, ofBody: message.bodyBytes, signer: signer) else {
            if sentByHonest { throw violation("an honest signer passes on what signer \(signer) did not sign") }
            return
        }
        let payload = try? Payload(decoding: body.payload, type: body.type)
        if case .nonceShare(let share)? = payload, share.nonces.count == descriptor.messages.count {
            shares[leaf(of: share, body)] = message
        }
        switch payload {
        case .evidence(let evidence)?: try judge(evidence, sentByHonest: sentByHonest)
        case .abort(let abort)?:
            if let evidence = abort.evidence { try judge(evidence, sentByHonest: sentByHonest) }
        default: break
        }
        guard honest.contains(signer) else { return }
        guard let payload else { throw violation("signer \(signer) signs a malformed \(body.type)") }
        let place = Place(signer: signer, attempt: body.attempt, run: body.run)
        switch body.type {
        case .nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare:
            try enter(message, payload, place)
        case .join, .restart, .abort, .evidence, .broadcastDone, .signatureFinalized, .decline: break
        }
    }

    private func enter(_ message: SignedMessage, _ payload: Payload, _ place: Place) throws {
        if let held = slots[place]?[message.body.type] {
            if held.body.payload != message.body.payload {
                throw violation("framing: \(place) signs two different \(message.body.type)s")
            }
            return
        }
        slots[place, default: [:]][message.body.type] = message
        if case .nonceShare(let share) = payload, let other = nonces.updateValue(place, forKey: share.nonces) {
            throw violation("one nonce in two places: \(other) and \(place)")
        }
        try judgePairs(at: place)
    }

    /// Whatever can be made of two messages of one place.
    private func judgePairs(at place: Place) throws {
        guard let messages = slots[place], let share = messages[.nonceShare] else { return }
        if let commitment = messages[.nonceCommit] {
            let evidence = Evidence(
                kind: .unopenedCommitment, culprit: UInt32(place.signer), signedMessages: [commitment, share])
            try judge(evidence, sentByHonest: false)
        }
        if let partial = messages[.partialSigShare], let context = contexts[place] {
            // A signer that presents the partial as invalid must present the context that its signer signed.
            let nonces = try NonceShare(decoding: share.body.payload).nonces
            let partials = try PartialSigShare(decoding: partial.body.payload).partials
            guard let parsed = crypto.nonces(nonces),
                crypto.isValid(partials: partials, nonces: parsed, signer: place.signer, context: context)
            else { throw violation("framing: the partial of \(place) is not valid for its nonces") }
        }
    }

    private func leaf(of share: NonceShare, _ body: MessageBody) -> Hash32 {
        Transcript.leaf(
            session: descriptor.id, attempt: body.attempt, signer: Int(body.index), run: body.run,
            nonces: share.nonces, using: crypto)
    }

    /// What can be said only at the end: an aggregate of an honest coordinator, with all shares that open its leaves.
    func judgeAggregates() throws {
        for (place, messages) in slots {
            guard let message = messages[.noncesComplete] else { continue }
            let complete = try NoncesComplete(decoding: message.body.payload)
            let opened = complete.leaves.compactMap { Hash32($0).flatMap { shares[$0] } }
            guard opened.count == descriptor.signerKeys.count else { continue }
            try judge(
                Evidence(kind: .wrongAggregate, culprit: UInt32(place.signer), signedMessages: [message] + opened),
                sentByHonest: false)
        }
    }

    // MARK: Evidence

    /// No evidence convicts an honest signer, whichever signer made it, and none that honest signers send holds two partials
    /// under one nonce.
    func judge(_ evidence: Evidence, sentByHonest: Bool) throws {
        if sentByHonest { try expectNoPair(evidence) }
        guard judged.insert(evidence).inserted else { return }
        evidenceCount += 1
        let culprit: Int
        do throws(EvidenceError) {
            culprit = try checker.check(evidence)
        } catch {
            return
        }
        if honest.contains(culprit) {
            throw violation("framing: \(evidence.kind) convicts the honest signer \(culprit)")
        }
    }

    private func expectNoPair(_ evidence: Evidence) throws {
        var seen: [Place: [UInt8]] = [:]
        for message in evidence.signedMessages where message.body.type == .partialSigShare {
            let body = message.body
            let place = Place(signer: Int(body.index), attempt: body.attempt, run: body.run)
            if let other = seen.updateValue(body.payload, forKey: place), other != body.payload {
                throw violation("an honest signer passes on two partials of \(place)")
            }
        }
    }
}

/// Hands of an honest signer that tell the judge what they sign.
struct WatchedHands: Hands {
    typealias Crypto = StubGroup

    private var hands: StubHands
    private let signer: Int
    private let judge: WireJudge

    init(crypto: StubGroup, signer: Int, judge: WireJudge) {
        hands = StubHands(crypto: crypto, signer: signer)
        self.signer = signer
        self.judge = judge
    }

    mutating func generate(_ handle: NonceHandle) throws -> [[UInt8]] { try hands.generate(handle) }

    mutating func sign(_ handle: NonceHandle, _ context: StubGroup.Context) throws -> [[UInt8]] {
        let partials = try hands.sign(handle, context)
        try judge.signed(WireJudge.Place(signer: signer, attempt: handle.attempt, run: handle.run), context)
        return partials
    }

    mutating func wipe(_ handle: NonceHandle) { hands.wipe(handle) }

    func signature(ofBody body: [UInt8]) throws -> [UInt8] { try hands.signature(ofBody: body) }
}
