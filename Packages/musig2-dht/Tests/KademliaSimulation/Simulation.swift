public import KademliaDHT
import Multiformats
import WireCodec

/// A whole network on one thread and on virtual time. The same seed gives the same run.
///
/// Each node is a machine; the simulation carries what they send, with delays, connects peers and lets identify happen, and
/// lets requests to nodes that are gone fail as they do in a network: after a while.
public final class Simulation {
    /// How the network is.
    public struct Weather: Sendable {
        /// One way, in microseconds.
        public var delay: ClosedRange<Int64> = 10_000...90_000
        /// Until a dial to nobody fails, in microseconds.
        public var dialTimeout: Int64 = 5_000_000
        /// The most connections that a node keeps.
        public var connections = 256

        public init() {}
    }

    /// One node.
    public final class Node {
        public internal(set) var machine: Kademlia
        public let joinedAt: Int64
        var isHostile = false
        var wakesAt: Int64 = .max
        var connections: [Int32] = []
        var nextInbound: UInt64 = 0

        init(_ machine: Kademlia, joinedAt: Int64) {
            self.machine = machine
            self.joinedAt = joinedAt
        }

        /// Read in here, where that copies no machine.
        var isServer: Bool { machine.status.mode == .server }
        var nextDeadline: Duration? { machine.nextDeadline }
    }

    /// How an operation ended.
    public struct Ending: Sendable {
        public let outcome: Kademlia.Outcome
        public let report: Kademlia.LookupReport?
        public let time: Int64
    }

    private enum Event {
        case request(from: Int32, to: Int32, Kademlia.RequestID, KademliaMessage, expectsReply: Bool)
        case response(to: Int32, from: Int32, Kademlia.RequestID, KademliaMessage)
        case failure(to: Int32, Kademlia.RequestID)
        case wake(Int32)
        case script((Simulation) -> Void)
    }

    public let population: Population
    public let seed: UInt64
    public private(set) var nodes: [Node?]
    public private(set) var now: Int64 = 0
    public private(set) var messages = 0
    /// Bytes of one message in a hundred.
    public private(set) var sampledBytes = 0
    public private(set) var sampledMessages = 0
    public private(set) var background: (lookups: Int, requests: Int) = (0, 0)
    /// Called after each step of a machine, for checks.
    public var afterStep: ((Kademlia) -> Void)?

    private let weather: Weather
    private let configuration: Kademlia.Configuration
    private var generator: SeededGenerator
    private var queue = EventQueue<Event>()
    private var adversary: Adversary?
    private var attackers: Attackers?
    /// The provider of a key, as attackers know it.
    var providerOf: ([UInt8]) -> Int? = { _ in nil }
    /// How often honest nodes dialled the victim of a reflection, and places that only their own machine or local network has.
    public private(set) var dials: (victim: Int, inside: Int) = (0, 0)
    private var nextOperation: UInt64 = 0
    private var endings: [Kademlia.OperationID: (Simulation, Ending) -> Void] = [:]
    private var reports: [Kademlia.OperationID: Kademlia.LookupReport] = [:]

    static let namespaces: [String: any RecordRules] = ["counter": CounterRules()]

    /// The wall clock at the beginning, in milliseconds.
    public static let wall: UInt64 = 1_700_000_000_000

    /// Makes an empty network.
    public init(
        _ population: Population, seed: UInt64, configuration: Kademlia.Configuration, weather: Weather = Weather()
    ) {
        self.population = population
        self.seed = seed
        self.configuration = configuration
        self.weather = weather
        generator = SeededGenerator(seed: seed)
        nodes = Array(repeating: nil, count: population.contacts.count)
    }

    public func isAlive(_ number: Int) -> Bool { nodes[number] != nil }
    public func isHostile(_ number: Int) -> Bool { nodes[number]?.isHostile == true }

    public func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    public func randomBytes(_ count: Int) -> [UInt8] { generator.bytes(count) }

    /// Does something at a time.
    public func at(_ time: Int64, _ body: @escaping (Simulation) -> Void) { queue.add(.script(body), at: time) }

    /// Lets a node begin, knowing some trusted peers.
    public func join(_ number: Int, trusting trusted: [Int], mode: Kademlia.Mode = .server) {
        var configuration = configuration
        configuration.mode = mode
        configuration.bootstrapPeers = trusted.filter { $0 != number }.map { population.contacts[$0] }
        let machine = Kademlia(
            local: population.contacts[number].peer, configuration: configuration, seed: generator.next(),
            hash: population.hash, namespaces: Self.namespaces)
        nodes[number] = Node(machine, joinedAt: now)
        tell(number, .localAddresses(population.contacts[number].addresses))
    }

    /// Fills the routing tables as they are in a network that has been there for long: in each bucket, up to k of the nodes
    /// that belong there.
    public func settle() {
        let order = nodes.indices.filter { isAlive($0) }.sorted { population.keys[$0] < population.keys[$1] }
        for number in order { fill(number, order[...], prefix: 0) }
    }

    private func fill(_ number: Int, _ range: ArraySlice<Int>, prefix: Int) {
        // The nodes that share so many bits stand together; those that share one more are on one side of the middle.
        guard range.count > 1 else { return }
        let own = population.keys[number].bytes
        func bit(_ bytes: [UInt8]) -> Bool { bytes[prefix / 8] >> UInt8(7 - prefix % 8) & 1 == 1 }
        var low = range.startIndex
        var high = range.endIndex
        while low < high {
            let middle = (low + high) / 2
            if bit(population.keys[range[middle]].bytes) { high = middle } else { low = middle + 1 }
        }
        let (near, far) = bit(own) ? (range[low...], range[..<low]) : (range[..<low], range[low...])
        for other in far.shuffled(using: &generator).prefix(configuration.bucketSize) {
            nodes[number]?.machine.know(population.contacts[other], at: .microseconds(now))
        }
        fill(number, near, prefix: prefix + 1)
    }

    /// Lets a node vanish without a word.
    public func leave(_ number: Int) {
        for other in nodes[number]?.connections ?? [] {
            nodes[Int(other)]?.connections.removeAll { $0 == Int32(number) }
        }
        nodes[number] = nil
    }

    /// Lets nodes turn hostile.
    public func turnHostile(_ numbers: [Int], _ hostility: Hostility) {
        for number in numbers { nodes[number]?.isHostile = true }
        adversary = Adversary(hostility, members: numbers, of: population, seed: seed)
    }

    // MARK: Attackers

    /// From now on the last of the population attack.
    public func attack(_ count: Int, by attacks: Set<Attack>) {
        attackers = Attackers(population.contacts.count - count..<population.contacts.count, attacks, of: population)
    }

    /// Some attackers come to some nodes, and do what they do.
    public func assault(_ pairs: Int) {
        guard let attackers else { return }
        for _ in 0..<pairs {
            let (attacker, number) = (random(attackers.range), random(0..<attackers.range.lowerBound))
            visit(number, by: attacker)
        }
    }

    /// An attacker comes to a node.
    public func visit(_ number: Int, by attacker: Int) {
        guard let attackers, isAlive(number) else { return }
        meet(number, attacker)
        if attackers.attacks.contains(.valueFloods) {
            let key = Array("/counter/".utf8) + randomBytes(4)
            for kind in [KademliaMessage.Kind.getValue, .putValue, .getValue, .putValue] {
                let value = KademliaMessage.Record(key: key, value: CounterRules.value(1, "bad") + randomBytes(200))
                ask(
                    number, KademliaMessage(kind: kind, key: key, record: kind == .putValue ? value : nil), by: attacker
                )
            }
        }
        if attackers.attacks.contains(.reflection) {
            let victim = KademliaMessage.Peer(
                id: population.contacts[attacker].peer.bytes, addresses: [Attackers.victim], connection: 1)
            let key = [0x12, 0x20] + randomBytes(32)
            ask(number, KademliaMessage(kind: .addProvider, key: key, providerPeers: [victim]), by: attacker)
        }
    }

    /// Attackers say that they provide a key, at the nodes that hold its list.
    public func fillList(_ key: [UInt8]) {
        guard let attackers, attackers.attacks.contains(.equalProviders) else { return }
        for number in attackers.closestHonest(key) {
            for _ in 0..<100 {
                let attacker = random(attackers.range)
                let message = KademliaMessage(
                    kind: .addProvider, key: key, providerPeers: [population.named(attacker)])
                ask(number, message, by: attacker)
            }
        }
    }

    private func ask(_ number: Int, _ message: KademliaMessage, by attacker: Int) {
        _ = answer(message, from: attacker, at: number)
    }

    private func meet(_ number: Int, _ attacker: Int) {
        let contact = population.contacts[attacker]
        tell(
            number,
            .identified(contact.peer, addresses: contact.addresses, isServer: true, remote: contact.addresses.first))
    }

    /// A request of an honest node reaches an attacker.
    private func deliver(_ message: KademliaMessage, _ id: Kademlia.RequestID, from: Int, toAttacker to: Int) {
        guard let attackers, isAlive(from) else { return }
        meet(from, to)
        switch attackers.answer(message, by: to, provider: providerOf(message.key)) {
        case .message(let answer):
            if message.kind == .addProvider { return tell(from, .sent(id)) }
            tell(from, .response(id, answer, remote: population.contacts[to].addresses.first))
            if attackers.attacks.contains(.answeringAndLeaving) {
                tell(from, .disconnected(population.contacts[to].peer))
            }
        case .reset: tell(from, .requestFailed(id, .reset))
        case .silence: break
        }
    }

    /// The servers in the table of a node that answer, and how many of them are honest.
    public func servers(of number: Int) -> (honest: Int, all: Int) {
        let all = nodes[number]?.machine._servers.compactMap { population.number($0) } ?? []
        return (all.count { attackers?.range.contains($0) != true }, all.count)
    }

    /// Lets a node begin again: it remembers some servers that it knew. Attackers may be there first.
    public func restart(_ number: Int, trusting trusted: [Int]) {
        let remembered = (nodes[number]?.machine._servers ?? []).compactMap { population.number($0) }
            .shuffled(using: &generator).prefix(16).map { population.contacts[$0] }
        leave(number)
        join(number, trusting: trusted)
        tell(number, .vouch(remembered))
        if let attackers, attackers.attacks.contains(.captureAtRestart) {
            for _ in 0..<300 { meet(number, random(attackers.range)) }
        }
        // What it remembers it connects to.
        for contact in remembered {
            guard let other = population.number(contact.peer) else { continue }
            if isAlive(other) {
                connect(number, other)
            } else if attackers?.range.contains(other) == true {
                meet(number, other)
            }
        }
    }

    /// Starts an operation.
    public func start(
        _ operation: Kademlia.Operation, at number: Int, _ ended: @escaping (Simulation, Ending) -> Void
    ) {
        nextOperation += 1
        let id = Kademlia.OperationID(nextOperation)
        endings[id] = ended
        tell(number, .start(id, operation))
    }

    /// Runs until a time.
    public func run(until end: Int64) {
        while let earliest = queue.earliest, earliest <= end, let (time, event) = queue.removeFirst() {
            now = time
            handle(event)
        }
        now = end
    }

    private func handle(_ event: Event) {
        switch event {
        case .script(let body): body(self)
        case .wake(let number):
            guard let node = nodes[Int(number)], node.wakesAt <= now else { return }
            node.wakesAt = .max
            tell(Int(number), .tick)
        case .request(let from, let to, let id, let message, let expectsReply):
            deliver(message, id, from: Int(from), to: Int(to), expectsReply)
        case .response(let number, let from, let id, let message):
            tell(Int(number), .response(id, message, remote: population.contacts[Int(from)].addresses.first))
        case .failure(let number, let id): tell(Int(number), .requestFailed(id, .unreachable))
        }
    }

    private func tell(_ number: Int, _ input: Kademlia.Input) {
        guard let node = nodes[number] else { return }
        for effect in node.machine.handle(input, at: moment) { carry(effect, of: number) }
        settle(node, number)
    }

    private var moment: Kademlia.Now {
        Kademlia.Now(monotonic: .microseconds(now), wallMilliseconds: Self.wall + UInt64(now / 1_000))
    }

    private func settle(_ node: Node, _ number: Int) {
        if let afterStep { afterStep(node.machine) }
        guard let deadline = node.nextDeadline else { return }
        let (seconds, attoseconds) = deadline.components
        let time = max(now + 1, seconds * 1_000_000 + attoseconds / 1_000_000_000_000 + 1)
        if time < node.wakesAt {
            node.wakesAt = time
            queue.add(.wake(Int32(number)), at: time)
        }
    }

    private func carry(_ effect: Kademlia.Effect, of number: Int) {
        switch effect {
        case .send(let request):
            send(request, from: number)
            _ = nodes[number]?.machine.handle(.started(request.id), at: moment)
        case .completed(let id, let outcome):
            let ending = Ending(outcome: outcome, report: reports.removeValue(forKey: id), time: now)
            endings.removeValue(forKey: id)?(self, ending)
        case .measured(let report):
            if let operation = report.operation {
                reports[operation] = report
            } else {
                background.lookups += 1
                background.requests += report.requests
            }
        case .check(let check):
            let result = check.carryOut(by: Self.namespaces, wallMilliseconds: moment.wallMilliseconds)
            tell(number, .checked(check.id, result))
        case .reply, .noReply, .refuse, .progress, .statusChanged: break
        }
    }

    private var delay: Int64 { Int64.random(in: weather.delay, using: &generator) }

    private func send(_ request: Kademlia.Request, from number: Int) {
        count(request.message)
        if let attackers {
            for address in request.addresses {
                if address.bytes == Attackers.victim { dials.victim += 1 }
                if address.isPrivate { dials.inside += 1 }
            }
            if let to = population.number(request.peer), attackers.range.contains(to), reaches(to, request.addresses) {
                queue.add(
                    .request(
                        from: Int32(number), to: Int32(to), request.id, request.message,
                        expectsReply: request.expectsReply), at: now + 2 * delay)
                return
            }
        }
        guard let to = population.number(request.peer), isAlive(to), reaches(to, request.addresses) else {
            queue.add(.failure(to: Int32(number), request.id), at: now + weather.dialTimeout)
            return
        }
        // A connection takes some round trips before the request goes out.
        let isConnected = nodes[number]?.connections.contains(Int32(to)) == true
        let time = now + (isConnected ? delay : 4 * delay + delay)
        queue.add(
            .request(
                from: Int32(number), to: Int32(to), request.id, request.message, expectsReply: request.expectsReply),
            at: time)
    }

    private func reaches(_ number: Int, _ addresses: [Multiaddr]) -> Bool {
        addresses.contains { population.contacts[number].addresses.contains($0) }
    }

    private func deliver(_ message: KademliaMessage, _ id: Kademlia.RequestID, from: Int, to: Int, _ expectsReply: Bool)
    {
        if attackers?.range.contains(to) == true { return deliver(message, id, from: from, toAttacker: to) }
        guard isAlive(to), isAlive(from) else { return }
        connect(from, to)
        let answer = answer(message, from: from, at: to)
        if !expectsReply {
            tell(from, .sent(id))
        } else if let answer {
            count(answer)
            queue.add(.response(to: Int32(from), from: Int32(to), id, answer), at: now + delay)
        }
    }

    private func answer(_ message: KademliaMessage, from: Int, at number: Int) -> KademliaMessage? {
        guard let node = nodes[number] else { return nil }
        node.nextInbound += 1
        let contact = population.contacts[from]
        var reply: KademliaMessage?
        let request = Kademlia.Input.request(
            Kademlia.InboundID(node.nextInbound), from: contact.peer, address: contact.addresses.first, message)
        var effects = node.machine.handle(request, at: moment)
        effects += node.machine.carryOutChecks(effects, by: Self.namespaces, at: moment)
        for effect in effects {
            switch effect {
            case .reply(_, let answer): reply = answer
            case .check: break
            default: carry(effect, of: number)
            }
        }
        settle(node, number)
        guard node.isHostile, let adversary else { return reply }
        return adversary.answer(message, honest: reply)
    }

    private func connect(_ one: Int, _ other: Int) {
        guard nodes[one]?.connections.contains(Int32(other)) == false else { return }
        for (number, peer) in [(one, other), (other, one)] {
            if let oldest = nodes[number]?.connections.first, nodes[number]?.connections.count == weather.connections {
                disconnect(number, Int(oldest))
            }
            nodes[number]?.connections.append(Int32(peer))
        }
        for (number, peer) in [(one, other), (other, one)] {
            let contact = population.contacts[peer]
            tell(
                number,
                .identified(
                    contact.peer, addresses: contact.addresses, isServer: nodes[peer]?.isServer == true,
                    remote: contact.addresses.first))
        }
    }

    private func disconnect(_ one: Int, _ other: Int) {
        for (number, peer) in [(one, other), (other, one)] {
            nodes[number]?.connections.removeAll { $0 == Int32(peer) }
            tell(number, .disconnected(population.contacts[peer].peer))
        }
    }

    private func count(_ message: KademliaMessage) {
        messages += 1
        guard messages % 100 == 0 else { return }
        sampledMessages += 1
        sampledBytes += message.encoded().count
    }
}
