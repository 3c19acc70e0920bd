import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// A few signers round a table: frames are passed by hand.
struct Party {
    struct Flight {
        let from: Int
        let to: Int
        let items: [SessionItem]
    }

    let descriptor: SessionDescriptor
    let crypto: StubGroup
    let configuration: SessionConfiguration
    var nodes: [SimulatedNode<StubHands>] = []
    var flights: [Flight] = []
    var events: [[SessionEvent]]
    var penalties: [[SessionOffense]]
    /// The peers that each signer counted something against.
    var blamed: [Set<PeerID>]
    /// What the machines computed.
    let meter = WorkMeter()
    var now = Fixture.start

    init(
        _ plan: SessionPlan, run: UInt64 = 10, configuration: SessionConfiguration = SessionConfiguration()
    ) throws {
        descriptor = try Fixture.descriptor(plan)
        crypto = StubGroup(descriptor, meter: meter)
        self.configuration = configuration
        events = Array(repeating: [], count: plan.signerKeys.count)
        penalties = Array(repeating: [], count: plan.signerKeys.count)
        blamed = Array(repeating: [], count: plan.signerKeys.count)
        for index in plan.signerKeys.indices { nodes.append(try fresh(index, run: run, store: SimulatedStore())) }
    }

    static func mesh(_ signers: Int) throws -> Party {
        try Party(Fixture.plan(signers: signers))
    }

    static func star(_ signers: Int) throws -> Party {
        var plan = try Fixture.plan(signers: signers)
        plan.topology = .star
        plan.election = .first
        return try Party(plan)
    }

    static func committed(_ signers: Int) throws -> Party {
        var plan = try Fixture.plan(signers: signers)
        plan.hasCommitmentRound = true
        return try Party(plan)
    }

    func fresh(_ index: Int, run: UInt64, store: SimulatedStore) throws -> SimulatedNode<StubHands> {
        let machine = SessionMachine(
            descriptor: descriptor, crypto: crypto, index: index, run: run,
            local: LocalPeer(peer: try Fixture.peer(index), addresses: []), configuration: configuration,
            ledger: store.ledger, at: now)
        return SimulatedNode(machine: machine, hands: StubHands(crypto: crypto, signer: index), store: store)
    }

    /// One turn of one signer. What it sends is put on the table.
    @discardableResult
    mutating func take(_ index: Int, _ input: SessionInput) throws -> TurnResult {
        let result = try nodes[index].turn(input, at: now) { _ in true }
        events[index] += result.events
        penalties[index] += result.penalties.map(\.1)
        blamed[index].formUnion(result.penalties.map(\.0))
        for (peer, items) in result.frames {
            for to in nodes.indices where try Fixture.peer(to) == peer {
                flights.append(Flight(from: index, to: to, items: items))
            }
        }
        return result
    }

    /// Approves a session at a signer, which knows the creator.
    mutating func begin(_ index: Int) throws {
        if index != descriptor.creator {
            try take(index, .introduced(try Fixture.peer(descriptor.creator), addresses: []))
        }
        try take(index, .approved)
    }

    mutating func beginAll() throws {
        for index in nodes.indices { try begin(index) }
    }

    mutating func deliver(_ flight: Flight) throws {
        let peer = try Fixture.peer(flight.from)
        for item in flight.items {
            switch item {
            case .signed(let message): try take(flight.to, .received(message, from: peer))
            case .sync(let sync): try take(flight.to, .receivedSync(sync, from: peer))
            case .finalized(let signatures): try take(flight.to, .receivedSignatures(signatures, from: peer))
            }
        }
    }

    /// Delivers in order until nothing is left. What the filter refuses is lost.
    mutating func run(_ passes: (Flight) -> Bool = { _ in true }) throws {
        var delivered = 0
        while !flights.isEmpty {
            let flight = flights.removeFirst()
            if passes(flight) { try deliver(flight) }
            delivered += 1
            try #require(delivered < 10_000, "endless answers")
        }
    }

    /// Everyone joins, and what comes before the partial signatures is delivered; nothing that has one is.
    mutating func runUntilPartials() throws {
        try run { flight in !flight.items.contains { Party.type($0) == .partialSigShare } }
    }

    mutating func advance(_ duration: Duration) {
        now.monotonic += duration
        now.wallMilliseconds += UInt64(duration.components.seconds) * 1_000
    }

    static func type(_ item: SessionItem) -> MessageType? {
        if case .signed(let message) = item { message.body.type } else { nil }
    }

    /// A message as a signer would sign it: also one that an honest signer never makes.
    func forged(
        by signer: Int, _ payload: Payload, attempt: UInt32 = 1, run: UInt64 = 10, signedBy actual: Int? = nil
    ) -> SignedMessage {
        let body = MessageBody(
            sessionID: descriptor.id.bytes, attempt: attempt, index: UInt32(signer), run: run, payload: payload)
        return SignedMessage(body) { StubGroup.signature(ofBody: $0, signer: actual ?? signer) }
    }

    func nonceShare(_ number: UInt64) -> Payload {
        let bytes =
            (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } + [UInt8](repeating: 0, count: 58)
        return .nonceShare(NonceShare(nonces: Array(repeating: bytes, count: descriptor.messages.count)))
    }

    func evidence(at index: Int) -> [Evidence] {
        events[index].compactMap { if case .evidence(let evidence) = $0 { evidence } else { nil } }
    }

    func checker() -> EvidenceChecker<StubGroup> { EvidenceChecker(descriptor: descriptor, crypto: crypto) }

    var statuses: [SessionStatus] { nodes.map(\.machine.status) }
    var areComplete: Bool { nodes.allSatisfy { $0.machine.signatures != nil } }
}
