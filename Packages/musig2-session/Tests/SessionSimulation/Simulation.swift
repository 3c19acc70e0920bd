public import MuSig2Session
public import Multiformats
import Secp256k1
import WireCodec

/// What the simulated network does to frames, and time to processes.
public struct Weather: Sendable {
    /// The chance that a frame is lost.
    public var loss = 0.0
    /// The chance that a frame arrives twice.
    public var duplication = 0.0
    /// How long a frame takes at least and at most, in milliseconds. A wide range reorders.
    public var delay = 1.0...1.0
    /// How many crashes there are, at random moments of the first seconds.
    public var crashes = 0
    /// Whether a crashed process may find an older copy of its store.
    public var rollsBack = false
    /// Pairs of signers that cannot connect.
    public var cut: Set<Set<Int>> = []
    /// In what time crashes and breaks happen, from the start.
    public var unrest: Duration = .seconds(2)
    /// How often a connection breaks, at random moments.
    public var breaks = 0
    /// Signers that are away for a time.
    public var absences: [Absence] = []

    /// A time in which a signer is away: no connection holds or comes about.
    public struct Absence: Sendable {
        /// What its process does meanwhile.
        public enum Kind: Sendable, CaseIterable {
            /// Its lid is closed: it does nothing, and goes on with what it had in memory.
            case asleep
            /// It is not there, and the next one starts from the store.
            case gone
            /// It goes on, and reaches nobody.
            case offline
        }

        let signer: Int
        let from: Duration
        let to: Duration
        let kind: Kind

        public init(_ signer: Int, from: Duration, to: Duration, _ kind: Kind) {
            self.signer = signer
            self.from = from
            self.to = to
            self.kind = kind
        }
    }

    public init() {}
}

/// Signers, a network and a clock on one thread: deterministic by seed if the hands are.
public final class Simulation<H: Hands> {
    private enum Happening {
        case input(Int, life: Int, SessionInput)
        case frame(from: PeerID, to: Int, life: Int, [SessionItem])
        case tick(Int, life: Int)
        case crash(Int)
        case restart(Int)
        case breaks
        case leaves(Weather.Absence)
        case returns(Weather.Absence)
    }

    public let descriptor: SessionDescriptor
    private let crypto: H.Crypto
    private let makeHands: (Int) throws -> H
    private let configuration: SessionConfiguration
    private let weather: Weather
    private var random: SplitMix64

    public private(set) var nodes: [SimulatedNode<H>?]
    private var stores: [SimulatedStore]
    private var olderStores: [[SimulatedStore]]
    private var lives: [Int]
    private var nextTicks: [Duration?]
    private var connections: Set<Set<Int>> = []
    private var indices: [PeerID: Int] = [:]
    /// Signers that are away, and how.
    private var away: [Int: Weather.Absence.Kind] = [:]
    /// The signers that a process which sleeps does not know to be gone.
    private var missed: [Int: Set<Int>] = [:]
    /// The signers that live and have signatures.
    private var complete: Set<Int> = []
    /// What is to come, the latest first.
    private var queue: [(at: Duration, order: Int, happening: Happening)] = []
    private var order = 0
    public private(set) var now = Duration.zero

    /// Everything the signers told their applications.
    public private(set) var events: [[SessionEvent]]
    /// Everything counted against peers.
    public private(set) var penalties: [(by: Int, peer: PeerID, SessionOffense)] = []
    /// Signed messages that went through the network.
    public private(set) var sentItems = 0
    /// The partials that left, by signer, attempt and run.
    private var partialsSeen: [String: [UInt8]] = [:]

    public init(
        descriptor: SessionDescriptor,
        crypto: H.Crypto,
        seed: UInt64,
        weather: Weather = Weather(),
        configuration: SessionConfiguration = SessionConfiguration(),
        hands: @escaping (Int) throws -> H
    ) {
        self.descriptor = descriptor
        self.crypto = crypto
        makeHands = hands
        self.configuration = configuration
        self.weather = weather
        random = SplitMix64(seed: seed)
        let count = descriptor.signerKeys.count
        nodes = Array(repeating: nil, count: count)
        stores = Array(repeating: SimulatedStore(), count: count)
        olderStores = Array(repeating: [], count: count)
        lives = Array(repeating: 0, count: count)
        nextTicks = Array(repeating: nil, count: count)
        events = Array(repeating: [], count: count)
    }

    private var moment: Now {
        Now(monotonic: now, wallMilliseconds: Fixture.wall + UInt64(now.components.seconds) * 1_000)
    }

    private func schedule(_ happening: Happening, after delay: Duration) {
        order += 1
        let at = now + delay
        var low = 0
        var high = queue.count
        while low < high {
            let middle = (low + high) / 2
            if (queue[middle].at, queue[middle].order) > (at, order) { low = middle + 1 } else { high = middle }
        }
        queue.insert((at: at, order: order, happening: happening), at: low)
    }

    /// Runs until all signers have signatures, or until the time is over.
    ///
    /// - Returns: Whether all have.
    public func run(until limit: Duration) throws -> Bool {
        for index in nodes.indices { indices[try Fixture.peer(index)] = index }
        for index in nodes.indices { try start(index) }
        for _ in 0..<weather.crashes {
            let victim = Int.random(in: nodes.indices, using: &random)
            schedule(.crash(victim), after: weather.unrest * Double.random(in: 0...1, using: &random))
        }
        for _ in 0..<weather.breaks {
            schedule(.breaks, after: weather.unrest * Double.random(in: 0...1, using: &random))
        }
        for absence in weather.absences {
            schedule(.leaves(absence), after: absence.from)
            schedule(.returns(absence), after: absence.to)
        }
        while let next = queue.popLast() {
            guard next.at <= limit else { break }
            now = next.at
            try happen(next.happening)
            if isComplete, !queue.contains(where: { isReturn($0.happening) }) { return true }
        }
        return isComplete
    }

    private func isReturn(_ happening: Happening) -> Bool {
        switch happening {
        case .restart, .returns: true
        case .input, .frame, .tick, .crash, .breaks, .leaves: false
        }
    }

    /// Whether every signer lives and has signatures.
    public var isComplete: Bool { complete.count == nodes.count }

    private func happen(_ happening: Happening) throws {
        switch happening {
        case .input(let index, let life, let input):
            guard lives[index] == life, away[index] != .asleep else { return }
            // A connection may break before either side has heard of it.
            if case .connected(let peer) = input, !connections.contains([index, try self.index(of: peer)]) { return }
            try turn(index, input)
        case .frame(let from, let to, let life, let items):
            guard lives[to] == life, away[to] == nil, away[try index(of: from)] == nil else { return }
            for item in items {
                switch item {
                case .signed(let message): try turn(to, .received(message, from: from))
                case .sync(let sync): try turn(to, .receivedSync(sync, from: from))
                case .finalized(let signatures): try turn(to, .receivedSignatures(signatures, from: from))
                }
            }
        case .tick(let index, let life):
            guard lives[index] == life, away[index] != .asleep, let due = nextTicks[index], due <= now else { return }
            nextTicks[index] = nil
            try turn(index, .tick)
        case .crash(let index):
            guard nodes[index] != nil else { return }
            try crash(index)
        case .restart(let index):
            if nodes[index] == nil, away[index] != .gone { try start(index) }
        case .breaks:
            if let link = links().randomElement(using: &random) { try breakLinks { $0 == link } }
        case .leaves(let absence):
            guard away[absence.signer] == nil else { return }
            away[absence.signer] = absence.kind
            // A process that sleeps hears of it when it wakes.
            try breakLinks { $0.contains(absence.signer) }
            if absence.kind == .gone { end(absence.signer) }
        case .returns(let absence):
            guard away.removeValue(forKey: absence.signer) != nil else { return }
            if nodes[absence.signer] == nil { return try start(absence.signer) }
            nextTicks[absence.signer] = nil
            try wake(absence.signer)
        }
    }

    /// All connections, always in the same order.
    private func links() -> [Set<Int>] {
        connections.sorted { $0.sorted().lexicographicallyPrecedes($1.sorted()) }
    }

    /// Connections end at both sides, but not at one that sleeps.
    private func breakLinks(_ isBroken: (Set<Int>) -> Bool) throws {
        for link in links() where isBroken(link) {
            connections.remove(link)
            for index in link.sorted() where nodes[index] != nil {
                for other in link where other != index {
                    if away[index] == .asleep {
                        missed[index, default: []].insert(other)
                    } else {
                        try turn(index, .disconnected(try Fixture.peer(other)))
                    }
                }
            }
        }
    }

    private func wake(_ index: Int) throws {
        for other in (missed.removeValue(forKey: index) ?? []).sorted() {
            try turn(index, .disconnected(try Fixture.peer(other)))
        }
        updateTick(index)
    }

    private func end(_ index: Int) {
        nodes[index] = nil
        complete.remove(index)
        lives[index] += 1
        nextTicks[index] = nil
        missed[index] = nil
    }

    private func crash(_ index: Int) throws {
        end(index)
        if weather.rollsBack, let older = olderStores[index].randomElement(using: &random) { stores[index] = older }
        try breakLinks { $0.contains(index) }
        schedule(.restart(index), after: .milliseconds(Int.random(in: 10...3_000, using: &random)))
    }

    private func start(_ index: Int) throws {
        let run = max(
            moment.wallMilliseconds + UInt64(now.components.attoseconds / 1_000_000_000_000_000),
            stores[index].highestRun + 1)
        let machine = SessionMachine(
            descriptor: descriptor,
            crypto: crypto,
            index: index,
            run: run,
            local: LocalPeer(peer: try Fixture.peer(index), addresses: []),
            configuration: configuration,
            ledger: stores[index].ledger,
            at: moment
        )
        nodes[index] = SimulatedNode(machine: machine, hands: try makeHands(index), store: stores[index])
        // A signer that comes back with an old store finds the others as it found them first: through a discovery.
        for other in nodes.indices where other == descriptor.creator || weather.rollsBack && lives[index] > 0 {
            if other != index { try turn(index, .introduced(try Fixture.peer(other), addresses: [])) }
        }
        try turn(index, .approved)
    }

    private func index(of peer: PeerID) throws -> Int {
        guard let index = indices[peer] else { throw InvariantViolation("a peer that nobody has") }
        return index
    }

    private func turn(_ index: Int, _ input: SessionInput) throws {
        guard var node = nodes[index] else { return }
        // Taken out, so that it changes in place: a copy of a hundred signers for each frame takes minutes a day.
        nodes[index] = nil
        let result = try node.turn(input, at: moment) { peer in
            guard let other = try? self.index(of: peer) else { return false }
            return connections.contains([index, other])
        }
        if node.store != stores[index] { olderStores[index].append(stores[index]) }
        stores[index] = node.store
        if node.machine.signatures != nil { complete.insert(index) }
        nodes[index] = node
        events[index] += result.events
        for (peer, offense) in result.penalties { penalties.append((index, peer, offense)) }
        let own = try Fixture.peer(index)
        for (peer, items) in result.frames {
            let other = try self.index(of: peer)
            sentItems += items.count
            try check(items)
            guard connections.contains([index, other]) else { continue }
            for _ in 0..<copies() {
                let delay = Double.random(in: weather.delay, using: &random)
                schedule(
                    .frame(from: own, to: other, life: lives[other], items), after: .microseconds(Int(delay * 1_000)))
            }
        }
        for peer in result.dials { try dial(from: index, to: try self.index(of: peer)) }
        updateTick(index)
    }

    private func copies() -> Int {
        if Double.random(in: 0..<1, using: &random) < weather.loss { return 0 }
        return Double.random(in: 0..<1, using: &random) < weather.duplication ? 2 : 1
    }

    private func dial(from index: Int, to other: Int) throws {
        guard nodes[other] != nil, !connections.contains([index, other]), !weather.cut.contains([index, other]),
            away[index] == nil, away[other] == nil
        else { return }
        connections.insert([index, other])
        schedule(.input(index, life: lives[index], .connected(try Fixture.peer(other))), after: .milliseconds(1))
        schedule(.input(other, life: lives[other], .connected(try Fixture.peer(index))), after: .milliseconds(1))
    }

    private func updateTick(_ index: Int) {
        guard let node = nodes[index], let due = node.machine.nextDeadline else {
            nextTicks[index] = nil
            return
        }
        if let scheduled = nextTicks[index], scheduled <= due { return }
        nextTicks[index] = due
        schedule(.tick(index, life: lives[index]), after: max(due - now, .zero))
    }

    /// Never two partials under one public nonce, anywhere.
    private func check(_ items: [SessionItem]) throws {
        for case .signed(let message) in items where message.body.type == .partialSigShare {
            let key = "\(message.body.index) \(message.body.attempt) \(message.body.run)"
            if let seen = partialsSeen[key], seen != message.body.payload {
                throw InvariantViolation("two partials of signer, attempt and run \(key)")
            }
            partialsSeen[key] = message.body.payload
        }
    }

    /// Where each signer stands, for the reader of a failure.
    public var summary: String {
        nodes.indices.map { index in
            guard let status = nodes[index]?.machine.status else { return "\(index): dead" }
            let signers = status.signers.map { signer in
                (signer.peer == nil ? "-" : "j") + (signer.isConnected ? "c" : "-") + (signer.hasCommitment ? "m" : "-")
                    + (signer.hasNonces ? "n" : "-") + (signer.hasPartials ? "p" : "-")
            }
            return "\(index): \(status.phase) attempt \(status.attempt) \(signers)"
        }.joined(separator: "\n") + "\nat \(now)"
    }

    /// What must hold after any honest run: all signatures verify, one for each attempt, and nobody is blamed.
    public func checkHonestEnd() throws {
        var byNonce: [[Hash32]: [SchnorrSignature]] = [:]
        for node in nodes {
            guard let signatures = node?.machine.signatures else {
                throw InvariantViolation("a signer has no signatures")
            }
            guard crypto.isValid(signatures: signatures) else { throw InvariantViolation("a signature is not valid") }
            if let other = byNonce.updateValue(signatures, forKey: signatures.map(\.r)), other != signatures {
                throw InvariantViolation("two signatures of one attempt")
            }
        }
        for (index, told) in events.enumerated() {
            for event in told {
                switch event {
                case .evidence, .signerCompromised, .misbehaved, .aborted, .superseded, .expired:
                    throw InvariantViolation("signer \(index) was told \(event)")
                default: break
                }
            }
            guard told.count(where: { if case .completed = $0 { true } else { false } }) <= lives[index] + 1 else {
                throw InvariantViolation("signer \(index) completed twice")
            }
        }
    }
}
