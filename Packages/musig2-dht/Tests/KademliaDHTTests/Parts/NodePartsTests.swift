import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

@Suite("Jobs and operations")
struct JobTableTests {
    private func peers(_ configuration: Kademlia.Configuration = Kademlia.Configuration()) throws -> PeerDirectory {
        let population = try Population(1, seed: 4)
        return PeerDirectory(population.contacts[0].peer, configuration, hash: population.hash)
    }

    @Test func anOperationIsThereUntilItsJobIsOver() throws {
        var limits = Kademlia.Limits()
        limits.operations = 2
        var jobs = JobTable(limits)
        let peers = try peers()
        let (one, other) = (Kademlia.OperationID(1), Kademlia.OperationID(2))
        jobs.reserve(one)
        #expect(jobs.failure(of: one) == .duplicateOperation && jobs.failure(of: other) == nil)
        let id = jobs.add(Job(.closestPeers([1]), for: Job.Purpose(operation: other), knowing: peers))
        #expect(jobs.failure(of: Kademlia.OperationID(3)) == .tooMany)
        #expect(jobs.remove(id)?.task == .closestPeers([1]) && jobs.remove(id) == nil)
        #expect(jobs.failure(of: other) == nil)
        guard case .withoutJob = jobs.cancel(one), case .unknown = jobs.cancel(one) else {
            return #expect(Bool(false))
        }
        #expect(jobs.isEmpty)
    }

    @Test func fewJobsOfTheNodesOwnAtOnce() throws {
        var limits = Kademlia.Limits()
        limits.backgroundLookups = 1
        var jobs = JobTable(limits)
        for task in [BackgroundTask.findSelf, .renew(1)] { jobs.enqueue(task) }
        #expect(jobs.isRefreshing && jobs.nextBackgroundTask() == .findSelf && !jobs.isRefreshing)
        let id = jobs.add(Job(.bootstrap, for: Job.Purpose(isBackground: true), knowing: try peers()))
        #expect(jobs.nextBackgroundTask() == nil)
        _ = jobs.remove(id)
        #expect(jobs.nextBackgroundTask() == .renew(1) && jobs.nextBackgroundTask() == nil)
    }

    @Test func triedAgainLaterEachTime() throws {
        var configuration = Kademlia.Configuration()
        configuration.retries = 2
        var jobs = JobTable(configuration.limits)
        let purpose = Job.Purpose(operation: Kademlia.OperationID(1))
        let id = jobs.add(Job(.closestPeers([1]), for: purpose, knowing: try peers(configuration)))
        let (first, second) = (configuration.retryDelay, configuration.retryDelay * 2)
        #expect(jobs.retry(id, at: .zero, configuration) == first)
        #expect(jobs.due(id, at: first - .milliseconds(1)) == nil)
        #expect(jobs.due(id, at: first) == .nextAttempt && jobs.due(id, at: first) == nil)
        #expect(jobs.retry(id, at: .zero, configuration) == second)
        #expect(jobs.retry(id, at: .zero, configuration) == nil)
    }
}

@Suite("The way of a node to its place")
struct BootstrapStateTests {
    private func bootstrap(_ trusted: Int = 1) throws -> (Bootstrap, RoutingTable, Population) {
        let population = try Population(9, seed: 5)
        var configuration = Kademlia.Configuration()
        configuration.bootstrapPeers = Array(population.contacts[1...trusted])
        let table = RoutingTable(local: population.keys[0], bucketSize: 20, limits: configuration.limits)
        return (Bootstrap(configuration), table, population)
    }

    private func insert(_ number: Int, of population: Population, in table: inout RoutingTable) {
        let contact = population.contacts[number]
        var groups = NetworkGroups.none
        groups.insert(contact.addresses[0])
        _ = table.insert(
            RoutingTable.Entry(
                peer: contact.peer, key: population.keys[number], addresses: contact.addresses.map(\.bytes),
                groups: groups, lastSeen: .zero, isTrusted: false, isConnected: true))
    }

    @Test func whatIsLackingComesInOrder() throws {
        var (bootstrap, table, population) = try bootstrap(2)
        for number in 1...2 {
            var groups = NetworkGroups.none
            groups.insert(population.contacts[number].addresses[0])
            bootstrap.vouch(population.contacts[number], at: population.keys[number], in: groups, limit: 2)
        }
        #expect(bootstrap.lack(in: table) == .lookup)
        bootstrap.foundPlace()
        #expect(bootstrap.lack(in: table) == .servers)
        insert(3, of: population, in: &table)
        #expect(bootstrap.lack(in: table) == .vouchedPeers && bootstrap.vouched.isAmongStrangers)
        bootstrap.noteAnswer(population.keys[1])
        #expect(bootstrap.lack(in: table) == .networks)
        insert(1, of: population, in: &table)
        #expect(bootstrap.lack(in: table) == nil && !bootstrap.vouched.isAmongStrangers)
    }

    @Test func triedAgainLaterEachTime() throws {
        var (bootstrap, table, _) = try bootstrap()
        #expect(bootstrap.isPlannedAtStart && bootstrap.begin(in: table) == Bootstrap.Start(probesVouched: false))
        bootstrap.began(7)
        #expect(bootstrap.job == 7 && bootstrap.begin(in: table) == nil)
        #expect(bootstrap.ended(hasFailed: true) && bootstrap.job == nil)
        let first = bootstrap.plan()
        #expect(bootstrap.plan() == first * 2)
        bootstrap.foundPlace()
        #expect(bootstrap.losePlace(in: table) == first && bootstrap.losePlace(in: table) == nil)
        table = RoutingTable(local: table.local, bucketSize: 1, limits: table.limits)
        #expect(!bootstrap.isPossible(in: table), "it is planned")
    }

    @Test func theFirstNodeLacksNothing() throws {
        var (bootstrap, table, _) = try bootstrap()
        bootstrap.setFirst()
        #expect(bootstrap.lack(in: table) == nil)
    }
}

@Suite("The server's side of a node")
struct ServerTests {
    private let population = Result { try Population(4, seed: 6) }
    private let now = Kademlia.Now(monotonic: .seconds(1), wallMilliseconds: 1_800_000_000_000)

    /// A server that knows nobody, and an answer of it to a peer.
    private func answer(_ message: KademliaMessage, as mode: Kademlia.Mode = .server) throws -> Server.Answer {
        let population = try population.get()
        var configuration = Kademlia.Configuration()
        configuration.mode = mode
        let peers = PeerDirectory(population.contacts[0].peer, configuration, hash: population.hash)
        var server = Server(configuration, namespaces: ["counter": CounterRules()])
        var generator = SeededGenerator(seed: 1)
        let asker = PendingCheck.Asker(
            id: Kademlia.InboundID(1), peer: population.contacts[1].peer,
            address: population.contacts[1].addresses[0])
        return server.answer(message, for: asker, knowing: peers, at: now, using: &generator)
    }

    private func refusal(_ message: KademliaMessage, as mode: Kademlia.Mode = .server) throws -> Kademlia.Refusal? {
        if case .refused(let refusal) = try answer(message, as: mode) { refusal } else { nil }
    }

    @Test func eachRequestComesToSomething() throws {
        let peer = try population.get().contacts[1].peer
        #expect(try refusal(KademliaMessage(kind: .ping), as: .client) == .notServing)
        #expect(try refusal(KademliaMessage(kind: .findNode)) == .invalidKey)
        #expect(try refusal(KademliaMessage(kind: .addProvider, key: [1])) == .notTheProvider)
        let homeless = KademliaMessage.Peer(id: peer.bytes, addresses: [])
        #expect(
            try refusal(KademliaMessage(kind: .addProvider, key: [1], providerPeers: [homeless])) == .noAddresses)
        #expect(try refusal(KademliaMessage(kind: .putValue, key: [1])) == .missingRecord)
        guard case .reply(let pong) = try answer(KademliaMessage(kind: .ping)) else { return #expect(Bool(false)) }
        #expect(pong.kind == .ping)
        let key = Array("/counter/1".utf8)
        let record = KademliaMessage.Record(key: key, value: CounterRules.value(1, "value"))
        guard case .check(let check) = try answer(KademliaMessage(kind: .putValue, key: key, record: record)) else {
            return #expect(Bool(false))
        }
        #expect(check.value == record.value && check.rival == nil)
    }
}

@Suite("What a network makes of addresses")
struct AddressRulesTests {
    private func rules(_ change: (inout Kademlia.Configuration) -> Void) -> AddressRules {
        var configuration = Kademlia.Configuration()
        change(&configuration)
        return AddressRules(configuration)
    }

    @Test func usedBoundedAndOfThatPeer() throws {
        let (one, other) = (try Population(2, seed: 8).contacts[0].peer, try Population(2, seed: 8).contacts[1].peer)
        let rules = rules {
            $0.addressPolicy = .publicOnly
            $0.limits.addressesPerPeer = 2
        }
        let said = [
            "/ip4/192.168.1.1/tcp/4001", "/ip4/8.8.8.8/tcp/4001/p2p/\(other)", "/ip4/8.8.8.8/tcp/1/p2p/\(one)",
            "/ip4/8.8.8.8/tcp/1", "/ip4/9.9.9.9/tcp/1", "/ip4/7.7.7.7/tcp/1",
        ]
        let addresses = rules.addresses(of: one, try said.map { try Multiaddr($0) })
        #expect(addresses.parsed.map(\.description) == ["/ip4/8.8.8.8/tcp/1", "/ip4/9.9.9.9/tcp/1"])
        #expect(addresses.binary == addresses.parsed.map(\.bytes) && addresses.groups.all.count == 2)
        #expect(rules.addresses(of: one, addresses.binary + [[0xff]]).binary == addresses.binary)
        #expect(rules.bounded([[1], [2], [3]]) == [[1], [2]])
    }

    @Test func privateGroupsMayBeExempt() throws {
        let inner = try Multiaddr("/ip4/192.168.1.1/tcp/4001")
        #expect(rules { $0.exemptsPrivateGroups = true }.groups(of: inner) == .none)
        #expect(rules { _ in }.groups(of: inner) != .none)
    }
}
