import Multiformats
import Secp256k1
import SessionSimulation
import WireCodec

// A status is much to make for the number of the attempt, after each of millions of turns.
@testable import MuSig2Session

/// What is still allowed to go wrong on a path.
struct Budget: Hashable {
    var duplicates = 0
    var losses = 0
    var crashes = 0
    var restarts = 0
    /// Whether a process that starts again may find any older copy of its store.
    var rollsBack = false
}

/// A frame on its way.
struct Flight: Equatable {
    let from: Int
    let to: Int
    let items: [SessionItem]
    /// A copy is not copied again.
    var isCopy = false
    /// The hash of all that, computed once.
    let digest: Int

    init(from: Int, to: Int, items: [SessionItem]) {
        self.from = from
        self.to = to
        self.items = items
        var hasher = Hasher()
        hasher.combine(from)
        hasher.combine(to)
        hasher.combine(items)
        digest = hasher.finalize()
    }

    /// Frames with one hash are one frame, as states with one digest are one state.
    static func == (left: Flight, right: Flight) -> Bool {
        left.digest == right.digest && left.isCopy == right.isCopy
    }
}

/// All signers of a session and everything that is between them: one state of the exploration.
///
/// Time stands still. A SYNC's timer may fire when nothing is on its way any more.
struct World {
    typealias Node = SimulatedNode<StubHands>

    /// What is the same in all states of one exploration.
    final class Setting: Sendable {
        let descriptor: SessionDescriptor
        let crypto: StubGroup
        let peers: [PeerID]
        let configuration: SessionConfiguration

        init(_ plan: SessionPlan) throws {
            descriptor = try Fixture.descriptor(plan)
            crypto = StubGroup(descriptor)
            peers = try descriptor.signerKeys.indices.map { try Fixture.peer($0) }
            var configuration = SessionConfiguration()
            // With a clock that stands still, what waits is due when the timer is allowed to fire.
            configuration.syncInterval = .zero
            configuration.syncCeiling = .zero
            configuration.joinSyncCeiling = .zero
            configuration.disputeWindow = .zero
            self.configuration = configuration
        }
    }

    let setting: Setting
    var nodes: [Node]
    /// What is on its way. In an unordered network any frame may come next; in an ordered one the oldest of its link,
    /// or a copy.
    var flights: [Flight] = []
    /// The clock of each node: how many lives it has had.
    private var lives: [UInt64] = []
    /// The copies of each store that someone may have kept.
    private(set) var olderStores: [[SimulatedStore]] = []
    /// The hash of each node; nil since it has changed. A state is looked at when all its turns are over.
    private var digests: [Int?] = []
    var budget: Budget
    /// Partials that left, by signer, attempt and run: what a second one is held against.
    var partials: [PartialKey: [UInt8]] = [:]

    struct PartialKey: Hashable {
        let signer: Int
        let attempt: UInt32
        let run: UInt64
    }

    /// What tells this state from others, in 64 bits: among ten million states two fall together with a chance of 1 in
    /// 400,000.
    mutating func digest(ordered: Bool) -> Int {
        var hasher = Hasher()
        hasher.combine(budget)
        for index in nodes.indices { hasher.combine(digest(of: index)) }
        if ordered {
            // The order between links says nothing.
            for from in nodes.indices {
                for to in nodes.indices {
                    for flight in flights where flight.from == from && flight.to == to && !flight.isCopy {
                        hasher.combine(flight.digest)
                    }
                }
            }
        }
        var sum = 0
        for flight in flights where flight.isCopy || !ordered {
            var inner = Hasher()
            inner.combine(flight.digest)
            inner.combine(flight.isCopy)
            sum &+= inner.finalize()
        }
        hasher.combine(sum)
        return hasher.finalize()
    }

    private mutating func digest(of index: Int) -> Int {
        if let digest = digests[index] { return digest }
        var hasher = Hasher()
        hasher.combine(nodes[index].machine)
        hasher.combine(nodes[index].store)
        let digest = hasher.finalize()
        digests[index] = digest
        return digest
    }

    init(_ setting: Setting, budget: Budget) throws {
        self.setting = setting
        self.budget = budget
        nodes = []
        lives = Array(repeating: 1, count: setting.peers.count)
        olderStores = Array(repeating: [SimulatedStore()], count: setting.peers.count)
        for index in setting.peers.indices { nodes.append(fresh(index, store: SimulatedStore())) }
        digests = Array(repeating: nil, count: nodes.count)
        for index in setting.peers.indices { try begin(index) }
    }

    private func fresh(_ index: Int, store: SimulatedStore) -> Node {
        let machine = SessionMachine(
            descriptor: setting.descriptor,
            crypto: setting.crypto,
            index: index,
            run: lives[index],
            local: LocalPeer(peer: setting.peers[index], addresses: []),
            configuration: setting.configuration,
            ledger: store.ledger,
            at: Fixture.start
        )
        return Node(machine: machine, hands: StubHands(crypto: setting.crypto, signer: index), store: store)
    }

    private mutating func begin(_ index: Int) throws {
        // A creator that has lost its store finds the others as they find each other: through a discovery.
        let creator = setting.descriptor.creator
        for other in nodes.indices where other != index && (other == creator || lives[index] > 1 && budget.rollsBack) {
            try take(index, .introduced(setting.peers[other], addresses: []))
        }
        try take(index, .approved)
    }

    /// One turn of a node. Everybody is connected, so that every dial is answered at once.
    @discardableResult
    mutating func take(_ index: Int, _ input: SessionInput, dyingAfter limit: Int = .max) throws -> Bool {
        let wasComplete = nodes[index].machine.signatures
        let result = try nodes[index].turn(input, at: Fixture.start, dyingAfter: limit) { _ in true }
        for (peer, items) in result.frames {
            guard let to = setting.peers.firstIndex(of: peer) else { throw InvariantViolation("a frame to a stranger") }
            try note(items, from: index)
            flights.append(Flight(from: index, to: to, items: items))
        }
        digests[index] = nil
        if budget.rollsBack, olderStores[index].last != nodes[index].store {
            olderStores[index].append(nodes[index].store)
        }
        try check(index, result, wasComplete: wasComplete != nil)
        return result.isDead
    }

    /// Never two partials under one public nonce, whichever signer carries them.
    private mutating func note(_ items: [SessionItem], from index: Int) throws {
        for case .signed(let message) in items where message.body.type == .partialSigShare {
            let key = PartialKey(
                signer: Int(message.body.index), attempt: message.body.attempt, run: message.body.run)
            if let other = partials.updateValue(message.body.payload, forKey: key), other != message.body.payload {
                throw InvariantViolation("two partials under one nonce: \(key)")
            }
        }
    }

    /// What must hold after each step of honest signers.
    private func check(_ index: Int, _ result: TurnResult, wasComplete: Bool) throws {
        // A frame that overtakes its sender's JOIN is a stranger's, which is the only thing an honest signer is told of.
        guard result.penalties.allSatisfy({ $0.1 == .notBound }) else {
            throw InvariantViolation("\(index) penalizes \(result.penalties)")
        }
        for event in result.events {
            switch event {
            case .evidence, .signerCompromised, .misbehaved, .aborted, .superseded, .expired:
                throw InvariantViolation("\(index) is told \(event)")
            case .ownHistoryLost where !budget.rollsBack:
                throw InvariantViolation("\(index) has lost its history")
            case .completed(let signatures):
                guard !wasComplete else { throw InvariantViolation("\(index) completes twice") }
                guard setting.crypto.isValid(signatures: signatures) else {
                    throw InvariantViolation("\(index) completes with an invalid signature")
                }
            default: break
            }
        }
        // Within one attempt all hold the same signature: the same aggregate nonce means the same signature.
        if let mine = nodes[index].machine.signatures {
            for other in nodes.indices {
                guard let theirs = nodes[other].machine.signatures, mine.map(\.r) == theirs.map(\.r), mine != theirs
                else {
                    continue
                }
                throw InvariantViolation("two signatures of one attempt")
            }
        }
        // Time stands still, and allows 16 attempts and those of 5 min.
        guard nodes[index].machine.slots.attempt.number <= 46 else {
            throw InvariantViolation("an attempt beyond time")
        }
    }

    /// Delivers a frame: its items are inputs of one turn each.
    mutating func deliver(_ position: Int) throws {
        let flight = flights.remove(at: position)
        for item in flight.items { try take(flight.to, input(item, from: flight.from)) }
    }

    private func input(_ item: SessionItem, from index: Int) -> SessionInput {
        let peer = setting.peers[index]
        return switch item {
        case .signed(let message): .received(message, from: peer)
        case .sync(let sync): .receivedSync(sync, from: peer)
        case .finalized(let signatures): .receivedSignatures(signatures, from: peer)
        }
    }

    /// Delivers a frame but for its last item, in the turn of which a process may die.
    ///
    /// - Returns: The input that is left.
    mutating func deliverAllButLast(_ position: Int) throws -> SessionInput? {
        let flight = flights.remove(at: position)
        for item in flight.items.dropLast() { try take(flight.to, input(item, from: flight.from)) }
        return flight.items.last.map { input($0, from: flight.from) }
    }

    /// What the next process of a signer finds of the one that died: what is written and what has left.
    struct Remains: Equatable {
        let writes: Int
        let highestRun: UInt64
        let items: Int
    }

    func remains(of index: Int) -> Remains {
        Remains(
            writes: nodes[index].store.writes, highestRun: nodes[index].store.highestRun,
            items: flights.reduce(0) { $0 + ($1.from == index ? $1.items.count : 0) })
    }

    /// The process is gone and the next one begins with what is in the store. What was on its way to it is lost.
    ///
    /// - Parameters:
    ///   - losesFrames: What it had sent is lost too.
    ///   - store: An older copy of the store, if that is what it finds.
    mutating func restart(_ index: Int, losesFrames: Bool = false, store: SimulatedStore? = nil) throws {
        flights.removeAll { $0.to == index || losesFrames && $0.from == index }
        lives[index] += 1
        nodes[index] = fresh(index, store: store ?? nodes[index].store)
        let peer = setting.peers[index]
        for other in nodes.indices where other != index { try take(other, .disconnected(peer)) }
        try begin(index)
        for other in nodes.indices where other != index { try take(other, .connected(peer)) }
    }

    /// Whether everyone has signatures.
    var isComplete: Bool { nodes.allSatisfy { $0.machine.signatures != nil } }

    /// Lets all timers fire and everything arrive, in a fixed order, until all are complete.
    mutating func settle() throws {
        for _ in 0..<24 {
            while !flights.isEmpty { try deliver(0) }
            if isComplete { return }
            for index in nodes.indices { try take(index, .tick) }
        }
        let states = nodes.map { "\($0.machine.status.phase) of attempt \($0.machine.status.attempt)" }
        throw InvariantViolation("stuck: \(states)")
    }
}
