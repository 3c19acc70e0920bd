import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

@testable import MuSig2Coordination

/// What hostile signers say: any valid message, at any time, to anybody. All of it is signed with their own keys, or is
/// what somebody else signed before.
extension HostileNodes {
    /// One peer of the enemy says something to one honest node, or to all.
    func strike() throws {
        guard let author = hostile.randomElement(using: &generator) else { return }
        // A peer that no JOIN names is hardly listened to.
        let mouth = chance(0.7) ? try TestKeys.peer(author) : puppets.randomElement(using: &generator) ?? puppets[0]
        let victims = chance(0.5) ? honest : [honest.randomElement(using: &generator) ?? 0]
        let items = try speech(of: author, from: mouth, victims)
        for victim in victims {
            // Different things to different victims, at times.
            try say(chance(0.7) ? items : try speech(of: author, from: mouth, [victim]), from: mouth, to: victim)
        }
    }

    private func speech(of author: UInt64, from mouth: PeerID, _ victims: [UInt64]) throws -> [FrameItem] {
        switch temper.speech.pick(using: &generator) {
        case .join: [.signedMessage(try sign(join(author, from: mouth), author))]
        case .share: [.signedMessage(try sign(share(), author))]
        case .aggregate: [.signedMessage(try aggregate(author))]
        case .partial: [.signedMessage(try sign(partial(), author))]
        case .restart: [.signedMessage(try sign(restart(), author))]
        case .abort: [.signedMessage(try sign(abort(), author))]
        case .decline:
            [.signedMessage(try sign(.decline(Decline(reason: chance(0.5) ? "" : "no")), author))]
        case .evidence: [.signedMessage(try sign(.evidence(someEvidence()), author))]
        case .broadcastDone:
            [.signedMessage(try sign(.broadcastDone(BroadcastDone(transactionID: bytes(32))), author))]
        case .sync: [.sync(sync(author))]
        case .echo: echo(victims)
        }
    }

    /// What was heard before, most often what the victims said themselves.
    private func echo(_ victims: [UInt64]) -> [FrameItem] {
        let own = heard.suffix(60).filter { victims.contains(UInt64($0.body.index)) }
        let pool = chance(0.6) && !own.isEmpty ? own : chance(0.5) ? heard : Array(heard.suffix(30))
        return (0..<Int.random(in: 1...3, using: &generator)).compactMap { _ in
            pool.randomElement(using: &generator).map { .signedMessage($0) }
        }
    }

    // MARK: Numbers

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// An attempt near those of the honest nodes, most often; any one at times.
    private func attempt() -> UInt32 {
        let present = honest.compactMap { node($0)?.machine.sessions[session]?.machine.status.attempt }
        let near = present.randomElement(using: &generator) ?? 1
        return switch Int.random(in: 0..<20, using: &generator) {
        case 0..<12: near
        case 12..<17: near &+ 1
        case 17: near > 1 ? near - 1 : 1
        case 18: near &+ UInt32.random(in: 2...20, using: &generator)
        default: [2, 127, 128, 129, 100_000, .max].randomElement(using: &generator) ?? 1
        }
    }

    /// The run of the author's node, or any other.
    private func run(_ author: UInt64) -> UInt64 {
        let own = node(author)?.machine.sessions[session]?.machine.currentRun ?? 1
        return switch Int.random(in: 0..<20, using: &generator) {
        case 0..<15: own
        case 15: own + 1
        case 16: own > 1 ? own - 1 : 1
        case 17: 1
        case 18: (1 << 63) - UInt64.random(in: 1...3, using: &generator)
        default: UInt64.random(in: 1..<(1 << 63), using: &generator)
        }
    }

    private func sign(_ payload: Payload, _ author: UInt64, attempt number: UInt32? = nil) throws -> SignedMessage {
        let body = MessageBody(
            sessionID: session.bytes, attempt: payload.type.belongsToAttempt ? number ?? attempt() : 0,
            index: UInt32(author), run: run(author), payload: payload)
        return try SignedMessage(body) {
            try Tag.message.sign($0, with: TestKeys.secret(author)).rawRepresentation
        }
    }

    // MARK: Messages

    /// A JOIN that names its own peer, a puppet, an honest peer, or one that nobody has.
    private func join(_ author: UInt64, from mouth: PeerID) throws -> Payload {
        let peers = try [
            mouth, mouth, TestKeys.peer(author), puppets[0], puppets[1], TestKeys.peer(240),
            TestKeys.peer(honest.randomElement(using: &generator) ?? 0),
        ]
        let peer = peers.randomElement(using: &generator) ?? mouth
        let addresses =
            chance(0.5) ? try [Multiaddr("/memory/\(Int.random(in: 1...300, using: &generator))").bytes] : []
        return .join(Join(peerID: peer.bytes, addresses: addresses))
    }

    /// Public nonces that somebody sent, or no points at all.
    private func share() -> Payload {
        if chance(0.7), let message = heard.filter({ $0.body.type == .nonceShare }).randomElement(using: &generator),
            let share = try? NonceShare(decoding: message.body.payload)
        {
            return .nonceShare(share)
        }
        return .nonceShare(NonceShare(nonces: [[UInt8](repeating: 0xFF, count: 66)]))
    }

    /// NONCES_COMPLETE of what was heard: right, with leaves or sums of its own, or rubbish.
    private func aggregate(_ author: UInt64) throws -> SignedMessage {
        // Only a coordinator is listened to.
        let near = attempt()
        let candidates = (0..<UInt32(signers)).map { near &+ $0 }
        let number =
            candidates.first { descriptor.electionOrder.coordinator(ofAttempt: $0) == Int(author) } ?? near
        let shares = (0..<signers).map { signer in
            heard.last {
                $0.body.type == .nonceShare && $0.body.attempt == number && Int($0.body.index) == signer
            }
        }
        var leaves: [[UInt8]] = []
        var parsed: [BIP327.Nonces] = []
        for (signer, message) in shares.enumerated() {
            guard let message, let share = try? NonceShare(decoding: message.body.payload) else {
                leaves.append(bytes(32))
                continue
            }
            let leaf = Transcript.leaf(
                session: session, attempt: number, signer: signer, run: message.body.run, nonces: share.nonces,
                using: crypto)
            leaves.append(leaf.bytes)
            if let nonces = crypto.nonces(share.nonces) { parsed.append(nonces) }
        }
        if chance(0.3) { parsed.shuffle(using: &generator) }
        if chance(0.3), parsed.count > 1 { parsed[0] = parsed[1] }
        let sum = crypto.aggregate(parsed)?.aggregateNonces ?? [[UInt8](repeating: 0xFF, count: 66)]
        return try sign(
            .noncesComplete(NoncesComplete(leaves: leaves, aggregateNonces: sum)), author, attempt: number)
    }

    /// A partial signature that is valid for nothing, for a context that others signed, or for one that it made up.
    private func partial() -> Payload {
        let contexts = heard.suffix(100).compactMap { message in
            message.body.type == .partialSigShare ? try? PartialSigShare(decoding: message.body.payload) : nil
        }
        let context = chance(0.7) ? contexts.randomElement(using: &generator)?.context : nil
        return .partialSigShare(
            PartialSigShare(context: context ?? bytes(32), partials: [[0] + bytes(31)]))
    }

    private func restart() -> Payload {
        let reasons: [RestartReason] = [.timeout, .failedAttempt, .newRun, .requested, .ownHistoryLost, .followed]
        func some() -> [UInt32] { (0..<UInt32(signers)).filter { _ in chance(0.3) } }
        return .restart(
            Restart(
                reason: reasons.randomElement(using: &generator) ?? .timeout, notHeard: some(), contextDiffers: some(),
                newRuns: some()))
    }

    private func abort() -> Payload {
        .abort(
            Abort(
                reason: chance(0.5) ? .requested : .invalidContribution,
                stage: chance(0.5) ? .beforePartial : .afterPartial, evidence: chance(0.6) ? someEvidence() : nil))
    }

    /// Evidence: of any two messages, or what may be true.
    private func someEvidence() -> Evidence {
        let said = heard.compactMap { message in
            message.body.type == .evidence ? try? Evidence(decoding: message.body.payload) : nil
        }
        if chance(0.2), let known = said.randomElement(using: &generator) { return known }
        let culprit = UInt32.random(in: 0..<UInt32(signers), using: &generator)
        let theirs = heard.filter { $0.body.index == culprit && $0.body.type.belongsToAttempt }
        let pool = chance(0.8) && theirs.count > 1 ? theirs : heard
        let first = pool.randomElement(using: &generator)
        let rivals = pool.filter {
            $0.body.attempt == first?.body.attempt && $0.body.run == first?.body.run && $0 != first
        }
        let second = rivals.randomElement(using: &generator) ?? pool.randomElement(using: &generator)
        return Evidence(
            kind: EvidenceKind.allCases.randomElement(using: &generator) ?? .contradiction, culprit: culprit,
            signedMessages: [first, second].compactMap { $0 },
            leaves: chance(0.3) ? (0..<signers).map { _ in bytes(32) } : [])
    }

    private func sync(_ author: UInt64) -> Sync {
        let types: [MessageType] = [
            .join, .nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare,
        ]
        var wanted = types.filter { _ in chance(0.5) }.map { type in
            Sync.Wanted(type, indices: (0..<UInt32(signers)).filter { _ in chance(0.7) })
        }
        wanted.removeAll { $0.indices.isEmpty }
        if chance(0.3) { wanted.append(Sync.Wanted(.signatureFinalized)) }
        return Sync(
            sessionID: session.bytes, attempt: max(attempt(), 1), index: UInt32(author), run: run(author),
            isFinal: chance(0.1), wanted: wanted,
            leaves: chance(0.3) ? (0..<signers).map { _ in bytes(32) } : [])
    }
}
