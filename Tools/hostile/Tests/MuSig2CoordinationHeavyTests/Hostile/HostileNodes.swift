import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

@testable import MuSig2Coordination

/// Whole nodes of honest and hostile signers on one thread, and a judge. One step is anything that may happen.
///
/// A hostile signer is two things: a node as everybody has one, so that the session gets somewhere, and an enemy that has
/// its key, its peer and a few peers more, and says whatever it likes to whoever it likes.
final class HostileNodes {
    enum Shape: CaseIterable {
        case mesh
        case star
        case committed
    }

    /// Whether the application wants an honest signer to take part.
    enum Wish {
        case takesPart
        case left
        case ended
    }

    let world: SimulatedWorld
    let shape: Shape
    let signers: Int
    let session: SessionID
    let descriptor: SessionDescriptor
    let crypto: BIP327
    let judge: NodeJudge
    let temper: HostileTemper
    /// Peers without a node that hostile signers speak from.
    let puppets: [PeerID]
    let honest: [UInt64]
    let hostile: [UInt64]
    var generator: SeededGenerator
    private(set) var wishes: [UInt64: Wish] = [:]
    private var copies: [UInt64: [InMemorySessionStore]] = [:]
    /// All lives of honest nodes, and how many of their events were looked at.
    private var lives: [(node: SimulatedNode, read: Int)] = []
    /// All signed messages that ever left anybody: what an enemy may play back.
    private(set) var heard: [SignedMessage] = []
    private var heardBodies: Set<[UInt8]> = []
    private var violation: (any Error)?
    /// What was done, for whoever reads a failure.
    private(set) var log: [String] = []

    init(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed &* 0x9E37_79B9 &+ 1)
        let shape = Shape.allCases[Int(seed % 3)]
        let signers = 2 + Int.random(in: 0...2, using: &generator)
        let enemy = UInt64.random(in: 0..<UInt64(signers), using: &generator)
        let honest = (0..<UInt64(signers)).filter { $0 != enemy }
        self.shape = shape
        self.signers = signers
        self.honest = honest
        hostile = [enemy]
        puppets = try [TestKeys.peer(200), TestKeys.peer(201)]
        temper = HostileTemper(using: &generator)
        let world = SimulatedWorld(seed: seed)
        self.world = world
        world.faults = .init(
            loss: Double.random(in: 0...0.1, using: &generator), duplication: 0.05, delay: .milliseconds(30))
        let nodes = try (0..<UInt64(signers)).map { try world.start($0) }
        let creator = Int.random(in: 0..<signers, using: &generator)
        session = try world.create(Self.plan(shape, signers, creator), at: nodes[creator])
        guard let entry = nodes[creator].machine.sessions[session] else { throw Violation("the session was not made") }
        descriptor = entry.announced.descriptor
        crypto = entry.crypto
        judge = NodeJudge(descriptor: descriptor, crypto: crypto, honest: Set(honest.map { UInt32($0) }))
        self.generator = generator
        for number in honest { wishes[number] = .takesPart }
        world.tap = { [unowned self] bytes, from, _ in pass(bytes, from: from) }
        for node in nodes where node !== nodes[creator] {
            world.join(session, at: node, provider: nodes[creator].peer)
        }
    }

    private static func plan(_ shape: Shape, _ signers: Int, _ creator: Int) throws -> SessionPlan {
        let keys = try (0..<UInt64(signers)).map { try TestKeys.publicKey($0) }
        var plan = SessionPlan(signerKeys: keys, messages: [Array("hostile".utf8)], creator: creator)
        plan.topology = shape == .star ? .star : .mesh
        plan.hasCommitmentRound = shape == .committed
        plan.commitmentTimeout = .seconds(10)
        plan.nonceTimeout = .seconds(10)
        plan.partialTimeout = .seconds(10)
        plan.lifetime = .seconds(86_400)
        return plan
    }

    func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < share }

    private func note(_ text: String) {
        if log.count >= 40 { log.removeFirst(20) }
        log.append(text)
    }

    func node(_ number: UInt64) -> SimulatedNode? {
        world.nodes.values.first { $0.number == number }
    }

    private func isHonest(_ peer: PeerID) -> Bool {
        world.nodes[peer].map { honest.contains($0.number) } ?? false
    }

    // MARK: The wire

    /// Sees each frame that leaves a node. Those of hostile nodes may lack what the enemy does not want said.
    private func pass(_ bytes: [UInt8], from: PeerID) -> [UInt8]? {
        guard violation == nil else { return bytes }
        let isHonest = isHonest(from)
        let frame: Frame
        do {
            frame = try Frame(decoding: bytes)
        } catch {
            // Whatever an enemy does, what an honest node lets out is a frame.
            if isHonest { violation = Violation("a frame of an honest node does not decode: \(error)") }
            return bytes
        }
        for case .signedMessage(let message) in frame.items {
            if isHonest { note(message, by: from) }
            if heardBodies.insert(message.bodyBytes).inserted { heard.append(message) }
        }
        if isHonest || puppets.contains(from) { return bytes }
        let said = frame.items.filter { item in
            guard case .signedMessage(let message) = item else { return true }
            return !hostile.contains(UInt64(message.body.index)) || !temper.withheld.contains(message.body.type)
        }
        return said.count == frame.items.count ? bytes : said.isEmpty ? nil : Frame(said).encoded()
    }

    private func note(_ message: SignedMessage, by peer: PeerID) {
        do {
            try judge.see(message, fromHonest: true)
            guard let number = world.nodes[peer]?.number, UInt64(message.body.index) == number,
                message.body.type.belongsToAttempt, let wish = wishes[number], wish != .takesPart
            else { return }
            throw Violation("\(number) sends a \(message.body.type), and has \(wish)")
        } catch {
            violation = violation ?? error
        }
    }

    /// Brings items on their way from a peer of the enemy, past what its node would send.
    func say(_ items: [FrameItem], from mouth: PeerID, to number: UInt64) throws {
        guard let victim = node(number), !items.isEmpty else { return }
        if !world.isConnected(mouth, victim.peer) { world.connect(mouth, to: victim) }
        for case .signedMessage(let message) in items {
            try judge.see(message, fromHonest: false)
            if heardBodies.insert(message.bodyBytes).inserted { heard.append(message) }
        }
        let tap = world.tap
        world.tap = nil
        world.send(Frame(items).encoded(), from: mouth, to: victim.peer)
        world.tap = tap
    }

    // MARK: Steps

    /// Anything that may happen.
    func step() throws {
        switch temper.steps.pick(using: &generator) {
        case .deliver: try wait()
        case .strike: try strike()
        case .flap: flap()
        case .accident: try disturb()
        }
        try check()
    }

    private func wait() throws {
        let milliseconds =
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<92: Int.random(in: 1...100, using: &generator)
            case 92..<99: Int.random(in: 100...2_000, using: &generator)
            default: Int.random(in: 2_000...60_000, using: &generator)
            }
        _ = try world.run(for: .milliseconds(milliseconds)) { false }
    }

    private func flap() {
        let peers = world.nodes.keys.sorted() + puppets
        guard let one = peers.randomElement(using: &generator),
            let other = world.nodes.values
                .sorted(by: { $0.peer < $1.peer }).randomElement(using: &generator), one != other.peer
        else { return }
        if world.isConnected(one, other.peer) { world.cut(one, other.peer) } else { world.connect(one, to: other) }
    }

    private func disturb() throws {
        guard let number = honest.randomElement(using: &generator), let node = node(number) else { return }
        if chance(0.5) { copies[number, default: []].append(node.store.copy()) }
        let accident = temper.accidents.pick(using: &generator)
        note("\(number): \(accident) at \(world.time)")
        switch accident {
        case .restart: try restart(node, store: node.store, isCurrent: true)
        case .olderStore:
            let older = copies[number]?.randomElement(using: &generator)?.copy()
            try restart(node, store: older ?? InMemorySessionStore(), isCurrent: false)
        case .lostStore: try restart(node, store: InMemorySessionStore(), isCurrent: false)
        case .joinAgain: joinAgain(node)
        case .attempt: world.give(.command(session, .restart), to: node)
        case .withdrawal: end(node, by: .withdrawApproval)
        case .abort: end(node, by: .abort(reason: "enough"))
        }
    }

    private func restart(_ node: SimulatedNode, store: InMemorySessionStore, isCurrent: Bool) throws {
        world.crash(node)
        _ = try world.run(for: .milliseconds(5)) { false }
        if !isCurrent { wishes[node.number] = .takesPart }
        let back = try world.start(node.number, store: store)
        if wishes[node.number] == .takesPart { comeBack(back) }
    }

    /// A node whose store does not have the session is told of it again.
    private func comeBack(_ node: SimulatedNode) {
        let others = world.nodes.values.filter { $0 !== node && $0.machine.sessions.knows(session) }
        let provider = others.sorted { $0.peer < $1.peer }.first?.peer
        world.join(session, at: node, provider: provider)
    }

    /// Left, and joined again in the same process.
    private func joinAgain(_ node: SimulatedNode) {
        // One that is only on its way in has nothing to leave.
        guard wishes[node.number] == .left || node.machine.sessions[session]?.machine.isOver == false else { return }
        wishes[node.number] = .left
        world.give(.command(session, .leave), to: node)
        guard chance(0.8) else { return }
        world.schedule(.milliseconds(Int64.random(in: 0...2_000, using: &generator))) { [unowned self] in
            guard node.isAlive, wishes[node.number] == .left else { return }
            wishes[node.number] = .takesPart
            comeBack(node)
        }
    }

    private func end(_ node: SimulatedNode, by command: SessionCommand) {
        guard node.machine.sessions[session]?.machine.isOver == false else { return }
        wishes[node.number] = .ended
        world.give(.command(session, command), to: node)
    }

    // MARK: What must hold

    func check() throws {
        if let violation { throw violation }
        for node in world.nodes.values where honest.contains(node.number) {
            if !lives.contains(where: { $0.node === node }) { lives.append((node, 0)) }
            for other in world.nodes.values where other !== node && honest.contains(other.number) {
                guard node.machine.peers[other.peer]?.budget.reputation.isBanned(at: world.time) != true else {
                    throw Violation("\(node.number) bans the honest \(other.number)")
                }
            }
        }
        for position in lives.indices {
            let (node, read) = lives[position]
            for event in node.events.dropFirst(read) { try check(event, at: node) }
            lives[position].read = node.events.count
        }
    }

    private func check(_ event: CoordinatorEvent, at node: SimulatedNode) throws {
        switch event {
        case .evidence(_, let evidence): try judge.judge(evidence, fromHonest: true)
        case .error(let error):
            if error.code == .superseded {
                throw Violation("\(node.number) is told that another process has its key")
            }
            let isAccusation = error.code == .signerCompromised || error.code == .signerMisbehaved
            if isAccusation, let signer = error.signer, honest.contains(UInt64(signer)) {
                throw Violation("\(node.number) is told of the honest signer \(signer): \(error)")
            }
        default: break
        }
    }

    /// Whether an honest node has signatures; all that there are verify.
    func finish() throws -> Bool {
        var isComplete = false
        for node in world.nodes.values where honest.contains(node.number) {
            guard let signatures = node.machine.sessions.signatures(of: session) else { continue }
            guard crypto.isValid(signatures: signatures) else {
                throw Violation("\(node.number) has a signature that is not valid")
            }
            isComplete = true
        }
        return isComplete
    }
}
