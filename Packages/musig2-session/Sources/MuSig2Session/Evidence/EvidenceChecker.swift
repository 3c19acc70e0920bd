import Secp256k1
public import WireCodec

/// Judges evidence offline, from the descriptor alone. It convicts a *message key*: its holder signed what
/// contradicts itself or the rules.
///
/// It can frame nobody: everything it weighs is signed by the convicted key and of one attempt and one run. A
/// coordinator that handed out a wrong aggregate is found by its own signature, and acquits the signers of partials
/// that fit what they were told.
public struct EvidenceChecker<Crypto: SessionCrypto>: Sendable {
    private let descriptor: SessionDescriptor
    private let crypto: Crypto

    /// A checker for one session.
    ///
    /// - Parameters:
    ///   - descriptor: The session.
    ///   - crypto: What computes for it.
    public init(descriptor: SessionDescriptor, crypto: Crypto) {
        self.descriptor = descriptor
        self.crypto = crypto
    }

    /// Judges evidence: counts and types first, then the signatures, then what was said.
    ///
    /// - Parameter evidence: What is presented.
    /// - Returns: The position of the signer that has the convicted message key.
    /// - Throws: ``EvidenceError``: it convicts nobody.
    public func check(_ evidence: Evidence) throws(EvidenceError) -> Int {
        let culprit = Int(evidence.culprit)
        guard culprit < descriptor.signerKeys.count else { throw .notASigner(culprit) }
        if !evidence.descriptor.isEmpty, evidence.descriptor != descriptor.bytes { throw .otherSession }
        try checkForm(evidence, culprit)
        for (position, message) in evidence.signedMessages.enumerated() {
            guard isSigned(message) else { throw .badSignature(position: position) }
        }
        switch evidence.kind {
        case .contradiction: try checkContradiction(evidence)
        case .invalidPartial: try checkInvalidPartial(evidence, culprit)
        case .wrongAggregate: try checkWrongAggregate(evidence)
        case .unopenedCommitment: try checkUnopenedCommitment(evidence)
        }
        return culprit
    }

    /// Whether it convicts.
    func isConvincing(_ evidence: Evidence) -> Bool { (try? check(evidence)) != nil }

    /// Two different partial signatures that one signer made under one nonce: they give its key away, and are no evidence.
    func partialsUnderOneNonce(in evidence: Evidence) -> (SignedMessage, SignedMessage)? {
        let partials = evidence.signedMessages.filter { $0.body.type == .partialSigShare }
        guard let first = partials.first, Int(first.body.index) < descriptor.signerKeys.count,
            first.body.sessionID == descriptor.id.bytes
        else { return nil }
        let second = partials.first { message in
            message.body.index == first.body.index && message.body.attempt == first.body.attempt
                && message.body.run == first.body.run && message.body.payload != first.body.payload
        }
        guard let second, second.body.sessionID == descriptor.id.bytes, isSigned(first), isSigned(second) else {
            return nil
        }
        return (first, second)
    }

    private func isSigned(_ message: SignedMessage) -> Bool {
        crypto.isValid(signature: message.signature, ofBody: message.bodyBytes, signer: Int(message.body.index))
    }

    /// Whether counts and types are right, so that signatures would be checked.
    func hasForm(_ evidence: Evidence) -> Bool {
        let culprit = Int(evidence.culprit)
        guard culprit < descriptor.signerKeys.count else { return false }
        return (try? checkForm(evidence, culprit)) != nil
    }

    /// The types of the messages that prove a kind; empty: two of one type.
    private func types(_ kind: EvidenceKind) -> [MessageType] {
        switch kind {
        case .contradiction: []
        case .invalidPartial: [.nonceShare, .partialSigShare]
        case .wrongAggregate:
            [.noncesComplete] + Array(repeating: .nonceShare, count: descriptor.signerKeys.count)
        case .unopenedCommitment: [.nonceCommit, .nonceShare]
        }
    }

    /// Counts, types, indices, attempts and runs, which cost nothing.
    private func checkForm(_ evidence: Evidence, _ culprit: Int) throws(EvidenceError) {
        let messages = evidence.signedMessages
        let types = types(evidence.kind)
        guard let first = messages.first, messages.count == max(types.count, 2) else { throw .wrongMessages }
        guard messages.allSatisfy({ $0.body.sessionID == descriptor.id.bytes }) else { throw .otherSession }
        if types.isEmpty {
            guard first.body.type == messages[1].body.type else { throw .wrongMessages }
            // Two partials under one nonce give a key away: they are nobody's evidence.
            if first.body.type == .partialSigShare { throw .twoPartials }
        } else {
            guard messages.map(\.body.type) == types else { throw .wrongMessages }
        }
        guard Int(first.body.index) == culprit else { throw .wrongMessages }
        if evidence.kind != .invalidPartial {
            guard evidence.leaves.isEmpty, evidence.aggregateNonces.isEmpty else { throw .wrongLeaves }
        } else {
            guard evidence.leaves.count == descriptor.signerKeys.count else { throw .wrongLeaves }
            guard evidence.aggregateNonces.count == descriptor.messages.count else { throw .malformedPayload }
        }
        guard evidence.kind == .wrongAggregate else {
            guard Int(messages[1].body.index) == culprit else { throw .wrongMessages }
            guard first.body.attempt == messages[1].body.attempt, first.body.run == messages[1].body.run else {
                throw .differentRuns
            }
            return
        }
        guard descriptor.topology == .star,
            descriptor.electionOrder.coordinator(ofAttempt: first.body.attempt) == culprit,
            messages.dropFirst().enumerated().allSatisfy({ index, message in
                Int(message.body.index) == index && message.body.attempt == first.body.attempt
            })
        else { throw .wrongMessages }
    }

    /// Two messages of the culprit, of one attempt and one run.
    private func pair(_ evidence: Evidence) throws(EvidenceError) -> (SignedMessage, SignedMessage) {
        let messages = evidence.signedMessages
        guard messages.count == 2 else { throw .wrongMessages }
        return (messages[0], messages[1])
    }

    private func payload(_ message: SignedMessage) throws(EvidenceError) -> Payload {
        do throws(WireError) {
            return try Payload(decoding: message.body.payload, type: message.body.type)
        } catch {
            throw .malformedPayload
        }
    }

    private func checkContradiction(_ evidence: Evidence) throws(EvidenceError) {
        let (first, second) = try pair(evidence)
        switch (try payload(first), try payload(second)) {
        case (.nonceCommit(let left), .nonceCommit(let right)):
            guard left != right else { throw .noContradiction }
        case (.nonceCommitsComplete(let left), .nonceCommitsComplete(let right)):
            guard left != right else { throw .noContradiction }
        case (.nonceShare(let left), .nonceShare(let right)):
            guard left != right else { throw .noContradiction }
        case (.noncesComplete(let left), .noncesComplete(let right)):
            guard left != right else { throw .noContradiction }
        default:
            throw .wrongMessages
        }
    }

    private func checkUnopenedCommitment(_ evidence: Evidence) throws(EvidenceError) {
        let (first, second) = try pair(evidence)
        guard case (.nonceCommit(let commit), .nonceShare(let share)) = (try payload(first), try payload(second)) else {
            throw .wrongMessages
        }
        guard leaf(of: share, second.body).bytes != commit.leaf else { throw .noContradiction }
    }

    private func leaf(of share: NonceShare, _ body: MessageBody) -> Hash32 {
        Transcript.leaf(of: share, in: body, session: descriptor.id, using: crypto)
    }

    /// The partial does not verify for the nonces that its signer sent, and for the context that its signer signed.
    private func checkInvalidPartial(_ evidence: Evidence, _ culprit: Int) throws(EvidenceError) {
        let (first, second) = try pair(evidence)
        guard case (.nonceShare(let share), .partialSigShare(let partial)) = (try payload(first), try payload(second))
        else { throw .wrongMessages }
        let leaves = evidence.leaves.compactMap { Hash32($0) }
        guard leaves.count == descriptor.signerKeys.count else { throw .wrongLeaves }
        guard leaves[culprit] == leaf(of: share, first.body) else { throw .wrongLeaves }
        let transcript = Transcript.transcript(
            session: descriptor.id, attempt: first.body.attempt, leaves: leaves, using: crypto)
        let context = Transcript.context(
            transcript: transcript, aggregateNonces: evidence.aggregateNonces, using: crypto)
        // A signer that was given another aggregate signed another context: this evidence is not about its partial.
        guard context.bytes == partial.context else { throw .wrongContext }
        guard let nonces = crypto.nonces(share.nonces) else { throw .malformedPayload }
        guard let values = crypto.context(aggregateNonces: evidence.aggregateNonces) else { throw .malformedPayload }
        let isValid = crypto.isValid(partials: partial.partials, nonces: nonces, signer: culprit, context: values)
        guard !isValid else { throw .noContradiction }
    }

    /// The nonces that open the coordinator's leaves add up to something else than the coordinator said.
    private func checkWrongAggregate(_ evidence: Evidence) throws(EvidenceError) {
        let messages = evidence.signedMessages
        guard let said = messages.first, case .noncesComplete(let complete) = try payload(said),
            complete.leaves.count == descriptor.signerKeys.count
        else { throw .wrongMessages }
        var nonces: [Crypto.Nonces] = []
        for (index, message) in messages.dropFirst().enumerated() {
            guard case .nonceShare(let share) = try payload(message) else { throw .wrongMessages }
            guard leaf(of: share, message.body).bytes == complete.leaves[index] else { throw .wrongLeaves }
            guard let parsed = crypto.nonces(share.nonces) else { throw .malformedPayload }
            nonces.append(parsed)
        }
        guard let (sum, _) = crypto.aggregate(nonces) else { throw .malformedPayload }
        guard sum != complete.aggregateNonces else { throw .noContradiction }
    }
}

/// Why evidence convicts nobody.
public enum EvidenceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no signer with that position.
    case notASigner(Int)
    /// It is about another session.
    case otherSession
    /// A message is not signed by its signer's message key.
    case badSignature(position: Int)
    /// These messages prove nothing of this kind.
    case wrongMessages
    /// The messages are of different attempts or runs: a signer that came back may say something else.
    case differentRuns
    /// A payload does not decode, or a contribution in it does not parse.
    case malformedPayload
    /// The messages agree.
    case noContradiction
    /// Two partial signatures, which must never stand in one place.
    case twoPartials
    /// The leaves are not those of the messages.
    case wrongLeaves
    /// The partial was made for another context than the one presented.
    case wrongContext

    /// Why, in words.
    public var description: String {
        switch self {
        case .notASigner(let index): "evidence: expected a signer, found the position \(index)"
        case .otherSession: "evidence: expected this session, found another"
        case .badSignature(let position): "evidence message \(position): expected its signer's signature, found another"
        case .wrongMessages: "evidence: expected messages that prove its kind, found others"
        case .differentRuns: "evidence: expected messages of one attempt and run, found several"
        case .malformedPayload: "evidence: expected contributions that decode, found others"
        case .noContradiction: "evidence: expected messages that disagree, found that they agree"
        case .twoPartials: "evidence: expected no two partial signatures of one nonce, found them"
        case .wrongLeaves: "evidence: expected leaves that the nonces open, found others"
        case .wrongContext: "evidence: expected the context that the signer signed, found another"
        }
    }
}
