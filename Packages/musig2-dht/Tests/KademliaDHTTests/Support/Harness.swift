import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// One machine, told what happens; its tables are checked after each step.
final class Harness {
    private static let peers = Result { try Population(200, seed: 7) }

    /// Peers by number; number 0 is the machine itself.
    let population: Population
    var machine: Kademlia
    var now = Kademlia.Now(monotonic: .seconds(1), wallMilliseconds: 1_800_000_000_000)
    /// Where connections to peers lead that are elsewhere than where they are asked.
    var remotes: [PeerID: Multiaddr] = [:]
    /// Whether what the machine wants to be sent is on its way at once.
    var startsAtOnce = true
    /// Whether values are looked at at once.
    var checksAtOnce = true
    private var nextInbound: UInt64 = 0
    var namespaces: [String: any RecordRules]

    init(
        trusting trusted: [Int] = [], mode: Kademlia.Mode = .server, seed: UInt64 = 7,
        _ change: (inout Kademlia.Configuration) -> Void = { _ in }
    ) throws {
        population = try Self.peers.get()
        var configuration = Kademlia.Configuration()
        configuration.mode = mode
        configuration.bootstrapPeers = trusted.map { [population] in population.contacts[$0] }
        // What the machine does by itself is tested where it is the matter.
        configuration.bootstrapsAutomatically = false
        change(&configuration)
        namespaces = ["counter": CounterRules(), "pk": PublicKeyRules(hash: population.hash)]
        machine = Kademlia(
            local: population.contacts[0].peer, configuration: configuration, seed: seed, hash: population.hash,
            namespaces: namespaces)
    }

    func peer(_ number: Int) -> PeerID { population.contacts[number].peer }

    /// The address that the connection leads to on which a request is answered: the first it was sent to, unless another one
    /// is told.
    func origin(_ request: Kademlia.Request) -> Multiaddr? { remotes[request.peer] ?? request.addresses.first }

    @discardableResult
    func tell(_ input: Kademlia.Input, sourceLocation: SourceLocation = #_sourceLocation) -> [Kademlia.Effect] {
        var effects = machine.handle(input, at: now)
        if checksAtOnce { effects += machine.carryOutChecks(effects, by: namespaces, at: now) }
        for request in effects.requests where startsAtOnce { _ = machine.handle(.started(request.id), at: now) }
        #expect(machine._checkInvariants() == [], sourceLocation: sourceLocation)
        return effects
    }

    /// Lets time pass, with a tick at each deadline.
    func wait(_ duration: Duration) -> [Kademlia.Effect] {
        let end = now.monotonic + duration
        var effects: [Kademlia.Effect] = []
        while let deadline = machine.nextDeadline, deadline <= end {
            move(to: max(deadline, now.monotonic))
            effects += tell(.tick)
        }
        move(to: end)
        return effects
    }

    /// Lets time pass, while those that are asked answer at once.
    @discardableResult
    func live(_ duration: Duration, _ answer: (Kademlia.Request) -> KademliaMessage?) -> [Kademlia.Effect] {
        let end = now.monotonic + duration
        var effects: [Kademlia.Effect] = []
        while let deadline = machine.nextDeadline, deadline <= end {
            move(to: max(deadline, now.monotonic))
            effects += run(tell(.tick), answer)
        }
        move(to: end)
        return effects
    }

    func move(to time: Duration) {
        let (seconds, attoseconds) = (time - now.monotonic).components
        now.wallMilliseconds += UInt64(seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
        now.monotonic = time
    }

    /// Peers that were asked answer, as the closure says, and those that this leads to, until nobody is asked any more.
    /// Nil means that the peer cannot be reached, or what else is told.
    @discardableResult
    func run(
        _ effects: [Kademlia.Effect], failure: Kademlia.RequestFailure = .unreachable,
        _ answer: (Kademlia.Request) -> KademliaMessage?
    ) -> [Kademlia.Effect] {
        var all: [Kademlia.Effect] = []
        var queue = effects
        while !queue.isEmpty {
            let effect = queue.removeFirst()
            all.append(effect)
            guard case .send(let request) = effect else { continue }
            if !request.expectsReply {
                queue += tell(.sent(request.id))
            } else if let message = answer(request) {
                queue += self.answer(request, message)
            } else {
                queue += tell(.requestFailed(request.id, failure))
            }
        }
        return all
    }

    /// Lets servers into the routing table: they connect, and answer when asked.
    func admit(_ numbers: some Sequence<Int>) {
        for number in numbers {
            let contact = population.contacts[number]
            run(tell(.identified(contact.peer, addresses: contact.addresses, isServer: true))) { request in
                KademliaMessage(kind: request.message.kind)
            }
        }
    }

    /// A server answers from where it is.
    @discardableResult
    func answer(
        _ request: Kademlia.Request, _ message: KademliaMessage = KademliaMessage(kind: .findNode),
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> [Kademlia.Effect] {
        tell(.response(request.id, message, remote: origin(request)), sourceLocation: sourceLocation)
    }

    func knows(_ number: Int) -> Bool { machine.peers.table.position(population.keys[number]) != nil }

    /// A peer as an answer names it.
    func named(_ number: Int) -> KademliaMessage.Peer {
        let contact = population.contacts[number]
        return KademliaMessage.Peer(id: contact.peer.bytes, addresses: contact.addresses.map(\.bytes))
    }

    /// What an honest network of some peers answers to FIND_NODE: the 20 closest of them.
    func closest(_ key: [UInt8], among numbers: some Sequence<Int>, _ count: Int = 20) -> [KademliaMessage.Peer] {
        ordered(key, numbers).prefix(count).map { named($0) }
    }

    func ordered(_ key: [UInt8], _ numbers: some Sequence<Int>) -> [Int] {
        let target = KademliaKey(digest: SHA256.hash(key))
        return numbers.sorted { population.keys[$0] ^ target < population.keys[$1] ^ target }
    }

    /// Asks the machine, as a peer that is connected from one of its addresses.
    @discardableResult
    func ask(
        _ message: KademliaMessage, from number: Int, at address: Multiaddr? = nil
    ) -> [Kademlia.Effect] {
        nextInbound += 1
        let contact = population.contacts[number]
        return tell(
            .request(
                Kademlia.InboundID(nextInbound), from: contact.peer, address: address ?? contact.addresses.first,
                message))
    }

    /// Starts operation 1 and lets the network answer until it is over.
    func outcome(
        _ operation: Kademlia.Operation, _ answer: (Kademlia.Request) -> KademliaMessage?
    ) -> Kademlia.Outcome? {
        run(tell(.start(Kademlia.OperationID(1), operation)), answer).outcome
    }
}

extension [Kademlia.Effect] {
    var requests: [Kademlia.Request] {
        compactMap { if case .send(let request) = $0 { request } else { nil } }
    }

    var reply: KademliaMessage? {
        compactMap { if case .reply(_, let message) = $0 { message } else { nil } }.first
    }

    var refusal: Kademlia.Refusal? {
        compactMap { if case .refuse(_, let refusal) = $0 { refusal } else { nil } }.first
    }

    var checks: [Kademlia.Check] {
        compactMap { if case .check(let check) = $0 { check } else { nil } }
    }

    var hasNoReply: Bool {
        contains { if case .noReply = $0 { true } else { false } }
    }

    var outcomes: [Kademlia.Outcome] {
        compactMap { if case .completed(_, let outcome) = $0 { outcome } else { nil } }
    }

    var outcome: Kademlia.Outcome? { outcomes.first }

    var statuses: [Kademlia.Status] {
        compactMap { if case .statusChanged(let status) = $0 { status } else { nil } }
    }

    var progress: [Kademlia.Provider] {
        flatMap { if case .progress(_, let providers) = $0 { providers } else { [Kademlia.Provider]() } }
    }

    var reports: [Kademlia.LookupReport] {
        compactMap { if case .measured(let report) = $0 { report } else { nil } }
    }
}
