import MuSig2
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

@testable import MuSig2Coordination

/// One life of a signer's process in a ``SimulatedWorld``: the machine, the vault and the store, without tasks.
final class SimulatedNode {
    let number: UInt64
    let peer: PeerID
    let store: InMemorySessionStore
    let secret: SecretKey
    var machine: CoordinatorMachine
    private var vault = NonceVault()
    private var batch = WriteBatch()
    private var generator: SeededGenerator
    private(set) var isAlive = true

    /// Answers the consent policy; nil: no answer yet.
    var consent: (ConsentRequest) -> ConsentDecision? = { _ in .approve }
    /// Called with each commit's number before and after it; true kills the process there.
    var diesBeforeCommit: (Int) -> Bool = { _ in false }
    var diesAfterCommit: (Int) -> Bool = { _ in false }
    /// What else comes in while the store is at work on these writes: it is handled before anything leaves.
    var duringCommit: ([StoreWrite]) -> [CoordinatorInput] = { _ in [] }

    private(set) var events: [CoordinatorEvent] = []
    private(set) var joinFailures: [CoordinatorError] = []
    /// How the wishes to decline ended.
    private(set) var declines: [CoordinatorError?] = []
    private(set) var previews: [Result<[SessionPreview], CoordinatorError>] = []
    private(set) var commits = 0
    private(set) var partialsMade = 0
    /// How far its clock on the wall is ahead of the world's, in milliseconds.
    var skew: Int64 = 0
    /// What waits to be done on the network.
    fileprivate(set) var outgoing: [CoordinatorEffect] = []

    init(
        _ number: UInt64,
        peer: PeerID,
        store: InMemorySessionStore,
        configuration: MuSig2Coordinator.Configuration,
        seed: UInt64,
        methods: [DiscoveryMethod] = [],
        now: Now
    ) throws {
        self.number = number
        self.peer = peer
        self.store = store
        generator = SeededGenerator(seed: seed &* 31 &+ number)
        secret = try TestKeys.secret(number)
        machine = CoordinatorMachine(
            configuration: configuration,
            signerKey: secret.publicKey,
            messageKey: secret.publicKey,
            localPeer: peer,
            addresses: [try Multiaddr("/memory/\(number + 1)")],
            methods: methods,
            generator: SeededGenerator(seed: seed &+ number)
        )
        let stored = store.loadNow(signer: secret.publicKey)
        take(.started(nextRunNumber: stored.nextRunNumber), at: now)
        for completion in stored.completions { take(.restoreCompletion(completion), at: now) }
        for session in stored.sessions.sorted(by: { $0.id < $1.id }) { take(.restore(session), at: now) }
    }

    func kill() {
        isAlive = false
        vault.wipeAll()
        outgoing = []
    }

    func takeOutgoing() -> [CoordinatorEffect] {
        let taken = outgoing
        outgoing = []
        return taken
    }

    /// One turn: the input and all that follows from it.
    func take(_ input: CoordinatorInput, at time: Now) {
        guard isAlive else { return }
        let now = skewed(time)
        var inputs = [input]
        while !inputs.isEmpty {
            while !inputs.isEmpty {
                let next = inputs.removeFirst()
                for effect in machine.handle(next, at: now) { carryOut(effect, &inputs) }
            }
            guard !batch.writes.isEmpty else { continue }
            commits += 1
            let committed = batch
            batch = WriteBatch()
            if diesBeforeCommit(commits) { return kill() }
            let outcomes = store.commitNow(committed.writes, signer: secret.publicKey)
            if diesAfterCommit(commits) { return kill() }
            inputs += duringCommit(committed.writes)
            for claim in committed.claims {
                if case .taken(let next) = outcomes[claim.row] {
                    inputs.append(.runsTaken(below: next))
                } else {
                    inputs.append(.runsClaimed(claim.block))
                }
            }
            for issue in committed.issues {
                guard case .exists(let bytes) = outcomes[issue.row], let there = try? SignedMessage(decoding: bytes)
                else {
                    inputs.append(.session(issue.session, .issued(issue.signed)))
                    continue
                }
                inputs.append(.session(issue.session, .issueFailed(issue.unsigned, .rowExists(there))))
            }
        }
        outgoing += machine.flush(at: now)
    }

    private func carryOut(_ effect: CoordinatorEffect, _ inputs: inout [CoordinatorInput]) {
        switch effect {
        case .issue(let session, let message, let record): issue(message, record, of: session, &inputs)
        case .generateNonces(let handle):
            guard let crypto = machine.sessions[handle.session]?.crypto else { return }
            do {
                let nonces = try vault.generate(handle, for: crypto, secretKey: secret)
                inputs.append(.session(handle.session, .noncesGenerated(handle, nonces)))
            } catch {
                inputs.append(.session(handle.session, .vaultFailed(handle)))
            }
        case .signPartials(let handle, let context):
            do {
                let partials = try vault.sign(handle, in: context, secretKey: secret)
                partialsMade += 1
                inputs.append(.session(handle.session, .partialsSigned(handle, partials)))
            } catch {
                inputs.append(.session(handle.session, .vaultFailed(handle)))
            }
        case .wipe(let handle): vault.wipe(handle)
        case .write(let write): batch.add(write)
        case .claimRuns(let block): batch.add(claim: block)
        case .load(let session):
            inputs.append(.loaded(session, .success(store.sessionNow(session, signer: secret.publicKey))))
        case .dropUnsent(let session):
            batch = batch.rebuilt(keeping: { $0.session != session || $0.unsigned.body.type.endsSession })
        case .askConsent(let request, let attempt):
            guard let decision = consent(request) else { return }
            inputs.append(.consent(request.session, request.stage, attempt: attempt, decision))
        case .signHello(let peer, let exchange, let transcript):
            guard let signature = try? Tag.helloJoiner.sign(transcript, with: secret) else { return }
            inputs.append(.helloSigned(peer, exchange: exchange, signature))
        case .lookupEnded(_, let result): previews.append(result)
        case .joined(_, let error): if let error { joinFailures.append(error) }
        case .event(let event): events.append(event)
        case .send, .connect, .disconnect, .find, .publish, .withdraw: outgoing.append(effect)
        case .announceAgain(_, let older, let sequence):
            let announced = try? VerifiedAnnouncement(
                announcing: older.descriptor,
                at: LocalPeer(peer: peer, addresses: machine.local.addresses.map(\.bytes)),
                sequence: sequence,
                ways: older.ways,
                with: secret
            )
            if let announced { inputs.append(.announced(announced)) }
        case .declined(_, let error): declines.append(error)
        case .dropConsent, .note: break
        }
    }

    private func issue(
        _ message: UnsignedMessage,
        _ record: LedgerRow,
        of session: SessionID,
        _ inputs: inout [CoordinatorInput]
    ) {
        guard let signature = try? Tag.message.sign(message.bytes, with: secret) else { return }
        let signed = SignedMessage(message.body) { _ in signature.rawRepresentation }
        let body = message.body
        let issue = WriteBatch.Issue(session: session, unsigned: message, signed: signed)
        switch record {
        case .none: inputs.append(.session(session, .issued(signed)))
        case .join:
            batch.add(
                issue, row: .join(session, signer: Int(body.index), run: body.run, message: signed.encoded()))
        case .nonces:
            batch.add(
                issue, row: .nonces(session, attempt: body.attempt, run: body.run, message: signed.encoded()))
        case .partials: batch.add(issue, row: .partials(session, attempt: body.attempt, message: signed.encoded()))
        case .end(var end):
            end.message = signed
            batch.add(issue, row: .ended(session, StoredEnd(end)))
        }
    }

    /// A moment by this node's clock.
    func skewed(_ time: Now) -> Now {
        let wall = Int64(clamping: time.wallMilliseconds) + skew
        return Now(monotonic: time.monotonic, wallMilliseconds: UInt64(clamping: wall))
    }

    private func random() throws -> Hash32 {
        struct NoHash: Error {}
        let bytes = (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        guard let hash = Hash32(bytes) else { throw NoHash() }
        return hash
    }

    /// Makes a session, as the coordinator does.
    func create(_ request: SessionPlan, by methods: Set<DiscoveryMethod> = [], at time: Now) throws -> SessionID {
        let now = skewed(time)
        let descriptor = try SessionDescriptor(request, at: now, random: random())
        let announced = try VerifiedAnnouncement(
            announcing: descriptor,
            at: LocalPeer(peer: peer, addresses: machine.local.addresses.map(\.bytes)),
            sequence: now.wallMilliseconds,
            ways: methods.bits,
            with: secret
        )
        take(.create(announced), at: time)
        return descriptor.id
    }
}

extension InMemorySessionStore {
    /// As `load`, without a wait.
    func loadNow(signer: PublicKey) -> StoredState {
        stateNow(signer: signer, completions: 1_000)
    }
}
