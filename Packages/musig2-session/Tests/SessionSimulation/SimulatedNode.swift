public import MuSig2Session
public import Multiformats
import Secp256k1
public import WireCodec

/// What a simulated store has of one signer.
public struct SimulatedStore: Hashable, Sendable {
    /// The key of a nonce row.
    public struct NonceKey: Hashable, Sendable {
        let attempt: UInt32
        let run: UInt64
    }

    public var nonces: [NonceKey: SignedMessage] = [:]
    public var partials: [UInt32: SignedMessage] = [:]
    public var joins: [Int: SignedMessage] = [:]
    public var highestRun: UInt64 = 0
    public var isApproved = false
    public var signatures: [[UInt8]]?
    public var end: SessionEnd?
    /// How many rows were written: the moments between which a process may die.
    public var writes = 0

    public init() {}

    /// What a new run goes on from.
    public var ledger: SessionLedger {
        var ledger = SessionLedger()
        ledger.nonces = nonces.values.sorted { $0.bodyBytes.lexicographicallyPrecedes($1.bodyBytes) }
        ledger.partials = partials.values.sorted { $0.bodyBytes.lexicographicallyPrecedes($1.bodyBytes) }
        ledger.joins = joins
        ledger.signatures = signatures
        ledger.end = end
        return ledger
    }

    /// Equal stores are those with the same rows.
    public static func == (left: SimulatedStore, right: SimulatedStore) -> Bool {
        left.nonces == right.nonces && left.partials == right.partials && left.joins == right.joins
            && left.highestRun == right.highestRun && left.signatures == right.signatures && left.end == right.end
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(Self.hash(of: nonces.keys))
        hasher.combine(Self.hash(of: partials.values.lazy.map(\.bodyBytes)))
        hasher.combine(joins.count)
        hasher.combine(highestRun)
        hasher.combine(signatures != nil)
        hasher.combine(end?.kind)
    }

    /// The same in any order.
    private static func hash(of values: some Sequence<some Hashable>) -> Int {
        values.reduce(0) { sum, value in
            var hasher = Hasher()
            hasher.combine(value)
            return sum &+ hasher.finalize()
        }
    }
}

/// What one turn of a node left behind.
public struct TurnResult {
    /// A frame for each peer that gets one.
    public var frames: [(to: PeerID, items: [SessionItem])] = []
    /// What the application is told.
    public var events: [SessionEvent] = []
    /// What was counted against peers.
    public var penalties: [(PeerID, SessionOffense)] = []
    /// The peers to connect to, which are not connected.
    public var dials: [PeerID] = []
    /// How each of those and of the connected ones was asked for.
    public var requests: [(peer: PeerID, DialRequest)] = []
    /// The peers that the session has no use for any more.
    public var released: [PeerID] = []
    /// Whether the process died on the way.
    public var isDead = false
}

/// A violation of what must always hold.
public struct InvariantViolation: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// One signer's process: the machine, hands and a store that outlives it.
public struct SimulatedNode<H: Hands> {
    public var machine: SessionMachine<H.Crypto>
    public var hands: H
    public var store: SimulatedStore
    /// Whether the store refuses to write.
    public var storeFails = false
    /// Whether the application confirms a signature when it is asked.
    public var confirms = true

    public init(machine: SessionMachine<H.Crypto>, hands: H, store: SimulatedStore) {
        self.machine = machine
        self.hands = hands
        self.store = store
    }

    /// Gives the machine an input and carries out what it asks, until it asks nothing more.
    ///
    /// - Parameters:
    ///   - dyingAfter: After this many effects of the turn the process dies, before the next.
    ///   - isConnected: Whether a peer is connected already.
    public mutating func turn(
        _ input: SessionInput, at now: Now, dyingAfter limit: Int = .max, isConnected: (PeerID) -> Bool
    ) throws -> TurnResult {
        var result = TurnResult()
        var inputs = [input]
        var done = 0
        while !inputs.isEmpty {
            let effects = machine.handle(inputs.removeFirst(), at: now)
            var following: [SessionInput] = []
            for effect in effects {
                if done >= limit {
                    result.isDead = true
                    return result
                }
                done += 1
                try carryOut(effect, &following, &result, isConnected)
            }
            inputs = following + inputs
        }
        return result
    }

    private mutating func carryOut(
        _ effect: SessionEffect<H.Crypto.Context>,
        _ inputs: inout [SessionInput],
        _ result: inout TurnResult,
        _ isConnected: (PeerID) -> Bool
    ) throws {
        switch effect {
        case .issue(let message, let record): inputs.append(try issue(message, record))
        case .raiseRun(let higher):
            store.highestRun = max(store.highestRun, higher + 1)
            inputs.append(.runRaised(store.highestRun))
        case .generateNonces(let handle): inputs.append(.noncesGenerated(handle, try hands.generate(handle)))
        case .confirmSigning(let attempt): if confirms { inputs.append(.signingConfirmed(attempt: attempt)) }
        case .signPartials(let handle, let context):
            inputs.append(.partialsSigned(handle, try hands.sign(handle, context)))
        case .wipe(let handle): hands.wipe(handle)
        case .send(let items, let peer):
            for item in items { try checkMayLeave(item) }
            if let index = result.frames.firstIndex(where: { $0.to == peer }) {
                result.frames[index].items += items
            } else {
                result.frames.append((peer, items))
            }
        case .connect(let peer, let request):
            result.requests.append((peer, request))
            if isConnected(peer) { inputs.append(.connected(peer)) } else { result.dials.append(peer) }
        case .watch(let peer): if isConnected(peer) { inputs.append(.connected(peer)) }
        case .release(let peer): result.released.append(peer)
        case .persist(let record): persist(record)
        case .event(let event): result.events.append(event)
        case .penalize(let peer, let offense): result.penalties.append((peer, offense))
        }
    }

    /// Nothing leaves that was not recorded.
    private func checkMayLeave(_ item: SessionItem) throws {
        // Of an earlier run, what others remember may come back while the store has lost it.
        guard case .signed(let message) = item, Int(message.body.index) == machine.index,
            message.body.run == machine.currentRun
        else { return }
        guard store.isApproved || message.body.type == .abort || message.body.type == .decline else {
            throw InvariantViolation("\(message.body.type) leaves without approval")
        }
        switch message.body.type {
        case .nonceShare:
            let key = SimulatedStore.NonceKey(attempt: message.body.attempt, run: message.body.run)
            guard store.nonces[key] == message else { throw InvariantViolation("nonces leave that are not recorded") }
        case .partialSigShare:
            guard store.partials[message.body.attempt] == message else {
                throw InvariantViolation("a partial leaves that is not recorded")
            }
        case .decline:
            guard store.end?.message == message else {
                throw InvariantViolation("a DECLINE leaves that is not recorded")
            }
            guard store.joins[machine.index] == nil else { throw InvariantViolation("a DECLINE leaves after the JOIN") }
        default:
            break
        }
    }

    private mutating func issue(_ message: UnsignedMessage, _ record: LedgerRow) throws -> SessionInput {
        let signed = try SignedMessage(message.body) { try hands.signature(ofBody: $0) }
        guard record == .none || !storeFails else { return .issueFailed(message, .storeFailed) }
        switch record {
        case .none:
            return .issued(signed)
        case .join:
            store.highestRun = max(store.highestRun, message.body.run)
            store.joins[Int(message.body.index)] = signed
        case .nonces:
            let key = SimulatedStore.NonceKey(attempt: message.body.attempt, run: message.body.run)
            if let row = store.nonces[key] { return .issueFailed(message, .rowExists(row)) }
            store.nonces[key] = signed
        case .partials:
            if let row = store.partials[message.body.attempt] { return .issueFailed(message, .rowExists(row)) }
            store.partials[message.body.attempt] = signed
        case .end(var end):
            end.message = signed
            store.end = end
        }
        store.writes += 1
        return .issued(signed)
    }

    private mutating func persist(_ record: SessionRecord) {
        guard !storeFails else { return }
        switch record {
        case .join(let index, let message): store.joins[index] = message
        case .approval(let isApproved): store.isApproved = isApproved
        case .recoveredPartial(let message):
            if store.partials[message.body.attempt] == nil { store.partials[message.body.attempt] = message }
        case .completed(let signatures): store.signatures = signatures.map(\.rawRepresentation)
        case .ended(let end): store.end = end
        }
        store.writes += 1
    }
}
