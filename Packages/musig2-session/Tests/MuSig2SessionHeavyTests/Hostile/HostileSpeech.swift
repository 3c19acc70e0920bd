import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import WireCodec

/// What hostile signers say: any valid message, at any time, to anybody. All of it is signed with their own keys, or is
/// what somebody else signed before.
extension HostileWorld {
    /// One peer of the enemy says something to one honest signer, or to all.
    func strike() throws {
        guard let author = hostile.randomElement(using: &random) else { return }
        // A peer that no JOIN names is hardly listened to.
        let mouth = chance(0.7) ? try Fixture.peer(author) : puppets.randomElement(using: &random) ?? puppets[0]
        let victims = chance(0.5) ? honest : [honest.randomElement(using: &random) ?? 0]
        let items = try speech(of: author, from: mouth, victims)
        for victim in victims {
            guard let peer = processes[victim]?.peer else { continue }
            if !isConnected(mouth, peer) { try dial(mouth, peer) }
            // Different things to different victims, at times.
            try send(chance(0.7) ? items : try speech(of: author, from: mouth, [victim]), from: mouth, to: peer)
        }
    }

    private func speech(of author: Int, from mouth: PeerID, _ victims: [Int]) throws -> [SessionItem] {
        switch temper.speech.pick(using: &random) {
        case .join: return [.signed(try join(author, from: mouth))]
        case .commit: return [.signed(say(author, commit(author)))]
        case .share: return [.signed(share(author))]
        case .aggregate: return [.signed(try aggregate(author))]
        case .partial: return [.signed(try partial(author))]
        case .restart: return [.signed(say(author, restart()))]
        case .abort: return [.signed(say(author, abort()))]
        case .decline: return [.signed(say(author, .decline(Decline(reason: chance(0.5) ? "" : "no"))))]
        case .evidence: return [.signed(say(author, .evidence(someEvidence())))]
        case .broadcastDone: return [.signed(say(author, .broadcastDone(BroadcastDone(transactionID: bytes(32)))))]
        case .sync: return [.sync(sync())]
        case .signatures: return [.finalized(signatures.randomElement(using: &random) ?? [])]
        case .echo: return echo(victims)
        }
    }

    /// What was heard before, most often what the victims said themselves.
    private func echo(_ victims: [Int]) -> [SessionItem] {
        let own = heard.suffix(60).filter { victims.contains(Int($0.body.index)) }
        let pool = chance(0.6) && !own.isEmpty ? own : chance(0.5) ? heard : Array(heard.suffix(30))
        return (0..<Int.random(in: 1...3, using: &random)).compactMap { _ in
            pool.randomElement(using: &random).map { .signed($0) }
        }
    }

    // MARK: Numbers

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// An attempt near those of the honest signers, most often; any one at times.
    private func attempt() -> UInt32 {
        let present = honest.compactMap { processes[$0]?.node?.machine.status.attempt }
        let near = present.randomElement(using: &random) ?? 1
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<12: return near
        case 12..<17: return near &+ 1
        case 17: return near > 1 ? near - 1 : 1
        case 18: return near &+ UInt32.random(in: 2...20, using: &random)
        default: return [2, 127, 128, 129, 100_000, .max - 1, .max].randomElement(using: &random) ?? 1
        }
    }

    /// The run of the author's machine, or any other.
    private func run(_ author: Int) -> UInt64 {
        let own = shadows[author]?.machine.currentRun ?? 1
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<15: return own
        case 15: return own + 1
        case 16: return own > 1 ? own - 1 : 1
        case 17: return 1
        case 18: return (1 << 63) - UInt64.random(in: 1...3, using: &random)
        default: return UInt64.random(in: 1..<(1 << 63), using: &random)
        }
    }

    /// A message of the enemy in an attempt and run of its choice.
    private func say(_ author: Int, _ payload: Payload, attempt number: UInt32? = nil, run own: UInt64? = nil)
        -> SignedMessage
    {
        let number = payload.type.belongsToAttempt ? number ?? attempt() : 0
        let body = MessageBody(
            sessionID: setting.descriptor.id.bytes, attempt: number, index: UInt32(author), run: own ?? run(author),
            payload: payload)
        return SignedMessage(body) { StubGroup.signature(ofBody: $0, signer: author) }
    }

    // MARK: Messages

    /// A JOIN that names its own peer, a puppet, an honest peer, or one that nobody has.
    private func join(_ author: Int, from mouth: PeerID) throws -> SignedMessage {
        let peers = try [
            mouth, mouth, Fixture.peer(author), puppets[0], puppets[1], Fixture.peer(240),
            honest.randomElement(using: &random).flatMap { processes[$0]?.peer } ?? mouth,
        ]
        let peer = peers.randomElement(using: &random) ?? mouth
        return say(author, .join(Join(peerID: peer.bytes, addresses: chance(0.5) ? [] : [bytes(8)])))
    }

    /// Public nonces of its own, of two sets.
    private func nonces(_ author: Int, _ choice: UInt64) -> [[UInt8]] {
        (0..<setting.descriptor.messages.count).map { message in
            StubNonce.bytes(UInt64(author) &* 1_000 &+ choice &* 17 &+ UInt64(message) &+ 5)
        }
    }

    private func share(_ author: Int) -> SignedMessage {
        let count = setting.descriptor.messages.count
        let number = attempt()
        let own = run(author)
        let nonces: [[UInt8]]
        switch chance(temper.rightness) ? 0 : Int.random(in: 1...5, using: &random) {
        // Those that its machine has in this place.
        case 0:
            nonces = (0..<count).map {
                StubNonce.bytes(StubHands.nonce(signer: author, attempt: number, run: own, message: $0))
            }
        case 1, 2: nonces = self.nonces(author, UInt64.random(in: 0...1, using: &random))
        case 3: nonces = self.nonces(author, 0) + self.nonces(author, 1)
        // No points.
        default: nonces = Array(repeating: [UInt8](repeating: 0xFF, count: 66), count: count)
        }
        return say(author, .nonceShare(NonceShare(nonces: nonces)), attempt: number, run: own)
    }

    private func commit(_ author: Int) -> Payload {
        if chance(0.5), let message = heard.last(where: { $0.body.type == .nonceCommitsComplete }),
            let complete = try? NonceCommitsComplete(decoding: message.body.payload)
        {
            return .nonceCommitsComplete(chance(0.7) ? complete : NonceCommitsComplete(transcript: bytes(32)))
        }
        return .nonceCommit(NonceCommit(leaf: bytes(32)))
    }

    private func leaf(of message: SignedMessage) -> Hash32? {
        guard let share = try? NonceShare(decoding: message.body.payload) else { return nil }
        return Transcript.leaf(
            session: setting.descriptor.id, attempt: message.body.attempt, signer: Int(message.body.index),
            run: message.body.run, nonces: share.nonces, using: crypto)
    }

    /// The newest share of each signer in an attempt, as far as they were heard; made up where they were not.
    private func shares(_ number: UInt32, _ author: Int) -> [SignedMessage?] {
        (0..<setting.signers).map { signer in
            let of = heard.filter {
                $0.body.type == .nonceShare && $0.body.attempt == number && Int($0.body.index) == signer
            }
            return chance(0.9) ? of.last : of.randomElement(using: &random)
        }
    }

    private func aggregate(of shares: [SignedMessage?]) -> (sum: [[UInt8]], context: StubGroup.Context)? {
        let parsed = shares.compactMap { message in
            message.flatMap { try? NonceShare(decoding: $0.body.payload) }.flatMap { crypto.nonces($0.nonces) }
        }
        guard parsed.count == setting.signers else { return nil }
        return crypto.aggregate(parsed).map { ($0.aggregateNonces, $0.context) }
    }

    /// NONCES_COMPLETE: right, with leaves or sums of its own, or rubbish.
    private func aggregate(_ author: Int) throws -> SignedMessage {
        // Only a coordinator is listened to.
        var number = attempt()
        let near = (0..<UInt32(setting.signers)).map { number &+ $0 }
        if chance(0.9),
            let own = near.first(where: { setting.descriptor.electionOrder.coordinator(ofAttempt: $0) == author })
        {
            number = own
        }
        let shares = shares(number, author)
        var leaves = shares.map { $0.flatMap { leaf(of: $0) }?.bytes ?? bytes(32) }
        var sum = aggregate(of: shares)?.sum ?? nonces(author, 0)
        switch chance(temper.rightness) ? 3 : Int.random(in: 0..<4, using: &random) {
        case 0: sum = nonces(author, 1)
        case 1: leaves[Int.random(in: leaves.indices, using: &random)] = bytes(32)
        case 2: sum = Array(repeating: [UInt8](repeating: 0xFF, count: 66), count: sum.count)
        default: break
        }
        return say(author, .noncesComplete(NoncesComplete(leaves: leaves, aggregateNonces: sum)), attempt: number)
    }

    /// A partial: valid for the nonces that it sent last, invalid, or for a context that it made up.
    private func partial(_ author: Int) throws -> SignedMessage {
        let number = attempt()
        let shares = shares(number, author)
        let count = setting.descriptor.messages.count
        var partials = Array(repeating: StubNonce.partial(UInt64.random(in: 0..<1_000, using: &random)), count: count)
        var context = bytes(32)
        let own = shares[author]
        if let (sum, values) = aggregate(of: shares), let own,
            let nonces = (try? NonceShare(decoding: own.body.payload)).flatMap({ crypto.nonces($0.nonces) })
        {
            let leaves = shares.compactMap { $0.flatMap { leaf(of: $0) } }
            let transcript = Transcript.transcript(
                session: setting.descriptor.id, attempt: number, leaves: leaves, using: crypto)
            if chance(0.8) || chance(temper.rightness) {
                context = Transcript.context(transcript: transcript, aggregateNonces: sum, using: crypto).bytes
            }
            if chance(0.6) || chance(temper.rightness) {
                partials = crypto.partials(nonces: nonces, signer: author, context: values)
            }
        }
        return say(
            author, .partialSigShare(PartialSigShare(context: context, partials: partials)), attempt: number,
            run: chance(0.8) ? own?.body.run : nil)
    }

    private func restart() -> Payload {
        let reasons: [RestartReason] = [.timeout, .failedAttempt, .newRun, .requested, .ownHistoryLost, .followed]
        func some() -> [UInt32] { (0..<UInt32(setting.signers)).filter { _ in chance(0.3) } }
        return .restart(
            Restart(
                reason: reasons.randomElement(using: &random) ?? .timeout, notHeard: some(), contextDiffers: some(),
                newRuns: some()))
    }

    private func abort() -> Payload {
        .abort(
            Abort(
                reason: chance(0.5) ? .requested : .invalidContribution,
                stage: chance(0.5) ? .beforePartial : .afterPartial,
                evidence: chance(0.6) ? someEvidence() : nil))
    }

    /// Evidence: of any two messages, or what may be true.
    private func someEvidence() -> Evidence {
        let kinds = EvidenceKind.allCases
        let said = heard.compactMap { message -> Evidence? in
            guard message.body.type == .evidence else { return nil }
            return try? Evidence(decoding: message.body.payload)
        }
        if chance(0.2), let known = said.randomElement(using: &random) { return known }
        let culprit = Int.random(in: 0..<setting.signers, using: &random)
        let theirs = heard.filter { Int($0.body.index) == culprit && $0.body.type.belongsToAttempt }
        let pool = chance(0.8) && theirs.count > 1 ? theirs : heard
        let first = pool.randomElement(using: &random)
        let rivals = pool.filter {
            $0.body.attempt == first?.body.attempt && $0.body.run == first?.body.run && $0 != first
        }
        let second = rivals.randomElement(using: &random) ?? pool.randomElement(using: &random)
        return Evidence(
            kind: kinds.randomElement(using: &random) ?? .contradiction, culprit: UInt32(culprit),
            signedMessages: [first, second].compactMap { $0 },
            leaves: chance(0.3) ? (0..<setting.signers).map { _ in bytes(32) } : [],
            aggregateNonces: chance(0.3) ? nonces(0, 0) : [])
    }

    private func sync() -> Sync {
        let types: [MessageType] = [
            .join, .nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare,
        ]
        let author = hostile.randomElement(using: &random) ?? 0
        var wanted = types.filter { _ in chance(0.5) }.map { type in
            Sync.Wanted(type, indices: (0..<setting.signers).filter { _ in chance(0.7) }.map { UInt32($0) })
        }
        wanted.removeAll { $0.indices.isEmpty }
        if chance(0.3) { wanted.append(Sync.Wanted(.signatureFinalized)) }
        return Sync(
            sessionID: setting.descriptor.id.bytes, attempt: attempt(),
            index: UInt32(chance(0.9) ? author : Int.random(in: 0..<setting.signers, using: &random)), run: run(author),
            isFinal: chance(0.1),
            wanted: wanted, leaves: chance(0.3) ? (0..<setting.signers).map { _ in bytes(32) } : [])
    }
}

/// Numbers of the stub group as bytes.
enum StubNonce {
    static func bytes(_ number: UInt64) -> [UInt8] { big(number) + [UInt8](repeating: 0, count: 58) }

    static func partial(_ number: UInt64) -> [UInt8] { big(number) + [UInt8](repeating: 0, count: 24) }

    private static func big(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}
