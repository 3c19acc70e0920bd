import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import WireCodec

/// What a session of the generator is like.
struct HostileSetting {
    enum Shape: CaseIterable {
        case mesh
        case star
        case committed
    }

    let seed: UInt64
    let shape: Shape
    let signers: Int
    let honest: Set<Int>
    let descriptor: SessionDescriptor

    /// One of two to five signers is hostile, and at times two are.
    init(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        self.seed = seed
        shape = Shape.allCases[Int(seed % 3)]
        self.signers = 2 + Int.random(in: 0...3, using: &random)
        var honest = Set(0..<signers)
        honest.remove(Int.random(in: 0..<signers, using: &random))
        if signers > 3, Bool.random(using: &random) { honest.remove(Int.random(in: 0..<signers, using: &random)) }
        self.honest = honest
        var plan = try Fixture.plan(signers: signers, messages: 1 + Int.random(in: 0...1, using: &random))
        plan.topology = shape == .star ? .star : .mesh
        plan.hasCommitmentRound = shape == .committed
        plan.creator = Int.random(in: 0..<signers, using: &random)
        plan.commitmentTimeout = .seconds(10)
        plan.nonceTimeout = .seconds(10)
        plan.partialTimeout = .seconds(10)
        plan.lifetime = .seconds(86_400)
        descriptor = try Fixture.descriptor(plan)
    }
}

/// Honest and hostile signers, all that is between them, and a judge. One step is anything that may happen.
///
/// A hostile signer is two things: a machine as everybody has one, so that the session gets somewhere, and an enemy that
/// has its key, its peer and a few peers more, and says whatever it likes to anybody.
final class HostileWorld {
    /// What an honest signer has, beyond the life of a machine.
    struct Process {
        var peer: PeerID
        var node: SimulatedNode<WatchedHands>?
        var store = SimulatedStore()
        var olderStores: [SimulatedStore] = []
        var wish = Wish.takesPart
    }

    /// What the application wants, as the present store knows. A signer that left or ended says nothing but that, and what
    /// the result is.
    enum Wish {
        case takesPart
        case left
        case ended
    }

    struct Flight {
        let from: PeerID
        let to: PeerID
        let connection: Int
        let items: [SessionItem]
    }

    let setting: HostileSetting
    let crypto: StubGroup
    let judge: WireJudge
    let temper: HostileTemper
    var random: SplitMix64
    private(set) var now = Fixture.start
    private(set) var processes: [Int: Process] = [:]
    /// The machines of hostile signers.
    private(set) var shadows: [Int: SimulatedNode<StubHands>] = [:]
    /// Peers without a machine that hostile signers speak from.
    let puppets: [PeerID]
    private var flights: [Flight] = []
    private var connections: [Set<PeerID>: Int] = [:]
    private var connectionCount = 0
    private var lastNumber: UInt64 = 0
    /// All signed messages that ever left anybody: what an enemy may play back.
    private(set) var heard: [SignedMessage] = []
    private var heardBodies: Set<[UInt8]> = []
    private(set) var signatures: [[SchnorrSignature]] = []
    private(set) var completed: Set<Int> = []
    /// What was done, for the reader of a failure.
    private(set) var log: [String] = []

    init(_ setting: HostileSetting) throws {
        self.setting = setting
        self.crypto = StubGroup(setting.descriptor)
        judge = WireJudge(descriptor: setting.descriptor, crypto: crypto, honest: setting.honest)
        var random = SplitMix64(seed: setting.seed &* 0x9E37_79B9 &+ 1)
        temper = HostileTemper(using: &random)
        self.random = random
        puppets = try (0..<2).map { try Fixture.peer(200 + $0) }
        for index in 0..<setting.signers where setting.honest.contains(index) {
            processes[index] = Process(peer: try Fixture.peer(index))
            try start(index)
        }
        for index in 0..<setting.signers where !setting.honest.contains(index) { try startShadow(index) }
    }

    var honest: [Int] { setting.honest.sorted() }
    var hostile: [Int] { (0..<setting.signers).filter { !setting.honest.contains($0) } }

    func note(_ text: @autoclosure () -> String) {
        if log.count >= 40 { log.removeFirst(20) }
        log.append(text())
    }

    func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }

    // MARK: Lives

    /// A number for a life of a machine, as a store hands them out: rising, with random bits.
    private func newRun(above highest: UInt64) -> UInt64 {
        lastNumber = max(now.wallMilliseconds, lastNumber + 1, highest >> 20 + 1)
        return lastNumber << 20 | UInt64.random(in: 0..<(1 << 20), using: &random)
    }

    private func start(_ index: Int, hands: WatchedHands? = nil) throws {
        guard var process = processes[index] else { return }
        let machine = SessionMachine(
            descriptor: setting.descriptor, crypto: crypto, index: index,
            run: newRun(above: process.store.highestRun),
            local: LocalPeer(peer: process.peer, addresses: []), ledger: process.store.ledger, at: now)
        let hands = hands ?? WatchedHands(crypto: crypto, signer: index, judge: judge)
        process.node = SimulatedNode(machine: machine, hands: hands, store: process.store)
        processes[index] = process
        for (other, peer) in try knownPeers() where other != index {
            try take(index, .introduced(peer, addresses: []))
        }
        try take(index, .approved)
    }

    private func knownPeers() throws -> [(Int, PeerID)] {
        try (0..<setting.signers).map { ($0, try processes[$0]?.peer ?? Fixture.peer($0)) }
    }

    private func startShadow(_ index: Int) throws {
        let machine = SessionMachine(
            descriptor: setting.descriptor, crypto: crypto, index: index, run: newRun(above: 0),
            local: LocalPeer(peer: try Fixture.peer(index), addresses: []), at: now)
        shadows[index] = SimulatedNode(
            machine: machine, hands: StubHands(crypto: crypto, signer: index), store: SimulatedStore())
        for (other, peer) in try knownPeers() where other != index {
            try takeShadow(index, .introduced(peer, addresses: []))
        }
        try takeShadow(index, .approved)
    }

    // MARK: Turns

    private func index(of peer: PeerID) throws -> Int? {
        for index in 0..<setting.signers {
            if try processes[index]?.peer ?? Fixture.peer(index) == peer { return index }
        }
        return nil
    }

    private func isHonest(_ peer: PeerID) throws -> Bool {
        try index(of: peer).map { setting.honest.contains($0) } ?? false
    }

    func isConnected(_ one: PeerID, _ other: PeerID) -> Bool { connections[[one, other]] != nil }

    /// One turn of an honest signer, and all that must hold after it.
    func take(_ index: Int, _ input: SessionInput) throws {
        guard var process = processes[index], var node = process.node else { return }
        let own = process.peer
        let wasComplete = node.machine.signatures != nil
        let result = try node.turn(input, at: now) { isConnected(own, $0) }
        if node.store != process.store {
            process.olderStores.append(process.store)
            if process.olderStores.count > 12 { process.olderStores.remove(at: Int.random(in: 0..<12, using: &random)) }
        }
        process.store = node.store
        process.node = node
        processes[index] = process
        try check(index, result, wasComplete: wasComplete)
        for (to, items) in result.frames {
            try check(index, items, wish: process.wish)
            try send(items, from: own, to: to)
        }
        for peer in result.dials { try dial(own, peer) }
    }

    private func check(_ index: Int, _ result: TurnResult, wasComplete: Bool) throws {
        for (peer, offense) in result.penalties where try isHonest(peer) {
            // A frame that overtakes its sender's JOIN is a stranger's.
            if offense == .notBound { continue }
            throw InvariantViolation(
                "\(index) penalizes the honest peer of \(try self.index(of: peer) ?? -1): \(offense)")
        }
        for event in result.events {
            switch event {
            case .evidence(let evidence): try judge.judge(evidence, sentByHonest: true)
            case .aborted(let report):
                if let evidence = report.evidence { try judge.judge(evidence, sentByHonest: true) }
            case .signerCompromised(let signer, _, _) where setting.honest.contains(signer):
                throw InvariantViolation("\(index) is told that the honest signer \(signer) is compromised")
            case .misbehaved(let signer, let fault) where setting.honest.contains(signer):
                throw InvariantViolation("\(index) is told that the honest signer \(signer) misbehaves: \(fault)")
            case .superseded:
                throw InvariantViolation("\(index) is told that another process has its key")
            case .completed(let found):
                guard !wasComplete else { throw InvariantViolation("\(index) completes twice") }
                guard crypto.isValid(signatures: found) else {
                    throw InvariantViolation("\(index) completes with an invalid signature")
                }
                signatures.append(found)
                completed.insert(index)
            default: break
            }
        }
    }

    private func check(_ index: Int, _ items: [SessionItem], wish: Wish) throws {
        for case .signed(let message) in items {
            try judge.see(message, sentByHonest: true)
            guard Int(message.body.index) == index else { continue }
            if message.body.type == .abort || message.body.type == .decline {
                // One of an earlier run was returned by others: they have it.
                let isNew = message.body.run == processes[index]?.node?.machine.currentRun
                guard !isNew || processes[index]?.store.end != nil else {
                    throw InvariantViolation("\(index) sends an \(message.body.type) that is not recorded")
                }
                continue
            }
            // Signatures undo an end.
            guard wish != .takesPart, processes[index]?.node?.machine.signatures == nil else { continue }
            throw InvariantViolation("\(index) sends a \(message.body.type) and has \(wish)")
        }
    }

    private func takeShadow(_ index: Int, _ input: SessionInput) throws {
        guard var node = shadows[index] else { return }
        let own = try Fixture.peer(index)
        let result = try node.turn(input, at: now) { isConnected(own, $0) }
        shadows[index] = node
        for (to, items) in result.frames where chance(0.9) {
            let said = items.filter { item in
                guard case .signed(let message) = item else { return true }
                return Int(message.body.index) != index || !temper.withheld.contains(message.body.type)
            }
            try send(said, from: own, to: to)
        }
        for peer in result.dials { try dial(own, peer) }
    }

    // MARK: The network

    func send(_ items: [SessionItem], from: PeerID, to: PeerID) throws {
        guard let connection = connections[[from, to]] else { return }
        for case .signed(let message) in items {
            try judge.see(message, sentByHonest: false)
            if heardBodies.insert(message.bodyBytes).inserted { heard.append(message) }
        }
        flights.append(Flight(from: from, to: to, connection: connection, items: items))
    }

    func dial(_ from: PeerID, _ to: PeerID) throws {
        guard from != to, connections[[from, to]] == nil, try isThere(to), try isThere(from) else { return }
        connectionCount += 1
        connections[[from, to]] = connectionCount
        try tell(from, .connected(to))
        try tell(to, .connected(from))
    }

    private func isThere(_ peer: PeerID) throws -> Bool {
        guard let index = try index(of: peer) else { return puppets.contains(peer) }
        return processes[index].map { $0.node != nil } ?? true
    }

    private func cut(_ one: PeerID, _ other: PeerID) throws {
        guard connections.removeValue(forKey: [one, other]) != nil else { return }
        flights.removeAll { $0.from == one && $0.to == other || $0.from == other && $0.to == one }
        try tell(one, .disconnected(other))
        try tell(other, .disconnected(one))
    }

    private func tell(_ peer: PeerID, _ input: SessionInput) throws {
        guard let index = try index(of: peer) else { return }
        if setting.honest.contains(index) { try take(index, input) } else { try takeShadow(index, input) }
    }

    private func deliver(_ flight: Flight) throws {
        guard connections[[flight.from, flight.to]] == flight.connection else { return }
        for item in flight.items {
            switch item {
            case .signed(let message): try tell(flight.to, .received(message, from: flight.from))
            case .sync(let sync): try tell(flight.to, .receivedSync(sync, from: flight.from))
            case .finalized(let signatures): try tell(flight.to, .receivedSignatures(signatures, from: flight.from))
            }
        }
    }

    /// The oldest frame of a link, or any one, which then overtakes others.
    private func deliverOne() throws {
        guard !flights.isEmpty else { return }
        let position = chance(0.8) ? 0 : Int.random(in: flights.indices, using: &random)
        let flight = chance(0.1) ? flights[position] : flights.remove(at: position)
        if chance(0.95) { try deliver(flight) }
    }

    // MARK: Steps

    /// Anything that may happen.
    func step() throws {
        try advance()
        switch temper.steps.pick(using: &random) {
        case .deliver: for _ in 0..<Int.random(in: 1...3, using: &random) { try deliverOne() }
        case .strike: try strike()
        case .flap: try flap()
        case .accident: try disturb()
        }
    }

    private func advance() throws {
        let milliseconds =
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<90: Int.random(in: 1...100, using: &random)
            case 90..<98: Int.random(in: 100...5_000, using: &random)
            default: Int.random(in: 5_000...120_000, using: &random)
            }
        now.monotonic += .milliseconds(milliseconds)
        now.wallMilliseconds += UInt64(milliseconds)
        for index in honest {
            if let due = processes[index]?.node?.machine.nextDeadline, due <= now.monotonic { try take(index, .tick) }
        }
        for index in hostile {
            if let due = shadows[index]?.machine.nextDeadline, due <= now.monotonic { try takeShadow(index, .tick) }
        }
    }

    private func flap() throws {
        let peers = try knownPeers().map(\.1) + puppets
        guard let one = peers.randomElement(using: &random), let other = peers.randomElement(using: &random) else {
            return
        }
        if isConnected(one, other) { try cut(one, other) } else { try dial(one, other) }
    }

    /// What happens to an honest signer, or what its owner does.
    private func disturb() throws {
        guard let index = honest.randomElement(using: &random) else { return }
        switch temper.accidents.pick(using: &random) {
        case .restart: try restart(index, store: .current)
        case .olderStore: try restart(index, store: .older)
        case .lostStore: try restart(index, store: .none)
        case .joinAgain: try joinAgain(index)
        case .attempt:
            note("\(index): restart asked for")
            try take(index, .restart)
        case .storeFailure:
            note("\(index): store fails or is mended")
            processes[index]?.node?.storeFails.toggle()
        case .withdrawal: try end(index, .approvalWithdrawn)
        case .abort: try end(index, .abort(text: "enough"))
        }
    }

    private enum Store {
        case current
        case older
        case none
    }

    /// The process dies; the next one finds its store, an older copy, or nothing.
    private func restart(_ index: Int, store: Store) throws {
        guard let peer = processes[index]?.peer else { return }
        processes[index]?.node = nil
        for other in try knownPeers().map(\.1) + puppets where other != peer { try cut(peer, other) }
        note("\(index): restarted, store: \(store)")
        if store != .current {
            let older = store == .older ? processes[index]?.olderStores.randomElement(using: &random) : nil
            processes[index]?.store = older ?? SimulatedStore()
        }
        // What a store that failed could not keep is not known any more.
        let wish: Wish =
            switch processes[index]?.store.end?.kind {
            case nil: .takesPart
            case .left?: .left
            case .aborted?, .expired?, .declined?: .ended
            }
        processes[index]?.wish = wish
        now.monotonic += .milliseconds(1)
        now.wallMilliseconds += 1
        if processes[index]?.wish != .left { try start(index) }
    }

    /// Left, and sooner or later joined again: another machine, in the same process with the same hands.
    private func joinAgain(_ index: Int) throws {
        guard let process = processes[index], process.wish != .ended else { return }
        if process.wish == .takesPart {
            guard let node = process.node, !node.machine.isOver else { return }
            note("\(index): left")
            processes[index]?.wish = .left
            try take(index, .leave)
            if chance(0.3) { return }
        }
        note("\(index): joins again")
        processes[index]?.wish = .takesPart
        processes[index]?.store.end = nil
        try start(index, hands: processes[index]?.node?.hands)
        for (_, peer) in try knownPeers() where isConnected(process.peer, peer) { try take(index, .connected(peer)) }
    }

    private func end(_ index: Int, _ input: SessionInput) throws {
        guard let node = processes[index]?.node, !node.machine.isOver else { return }
        note("\(index): \(input)")
        processes[index]?.wish = .ended
        try take(index, input)
    }
}
