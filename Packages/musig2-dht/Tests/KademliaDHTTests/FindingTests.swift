import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// Operations that find: peers, servers, providers, values.
@Suite("Operations that find")
struct FindingTests {
    private let multihash: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)
    private let name = Array("/counter/x".utf8)

    /// A node that knows a few of the servers 1 to 60, which know each other.
    private func node(
        knowing known: some Sequence<Int> = 1...5, _ change: (inout Kademlia.Configuration) -> Void = { _ in }
    ) throws -> Harness {
        let node = try Harness(mode: .client, change)
        node.admit(known)
        return node
    }

    private func honest(_ node: Harness, _ request: Kademlia.Request) -> KademliaMessage? {
        guard let number = node.population.number(request.peer), (1...60).contains(number) else { return nil }
        return KademliaMessage(
            kind: request.message.kind, key: request.message.key,
            closerPeers: node.closest(request.message.key, among: (1...60).filter { $0 != number }))
    }

    // MARK: Peers and servers

    @Test func theClosestServers() throws {
        let node = try node()
        let effects = node.run(node.tell(.start(Kademlia.OperationID(4), .closestPeers(multihash)))) {
            honest(node, $0)
        }
        let expected = node.ordered(multihash, 1...60).prefix(20).map { node.population.contacts[$0] }
        #expect(effects.outcomes == [.closestPeers(Array(expected))])
        let report = try #require(effects.reports.first)
        #expect(
            report.operation == Kademlia.OperationID(4) && report.answers == report.requests && report.failures == 0)
        #expect((20...40).contains(report.requests) && report.hops == 2)
        // The servers that answered are in the table now.
        for number in node.ordered(multihash, 1...60).prefix(20) { #expect(node.knows(number)) }
        #expect(node.machine.jobs.isEmpty && node.machine.requests.isEmpty)
    }

    @Test func onlyServersThatAnsweredAreReturned() throws {
        let node = try node()
        let dead = Set(node.ordered(multihash, 1...60).prefix(3))
        let outcome = node.outcome(.closestPeers(multihash)) { request in
            dead.contains(node.population.number(request.peer) ?? 0) ? nil : honest(node, request)
        }
        let living = node.ordered(multihash, (1...60).filter { !dead.contains($0) })
        guard case .closestPeers(let found)? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(found.prefix(17) == living.prefix(17).map { node.population.contacts[$0] }[...])
        #expect(found.allSatisfy { !dead.contains(node.population.number($0.peer) ?? 0) })
    }

    @Test func aServerIsFoundWhenItAnswersItself() throws {
        let node = try node()
        let outcome = node.outcome(.findPeer(node.peer(42))) { honest(node, $0) }
        #expect(outcome == .peer(node.population.contacts[42], isVerified: true))
    }

    /// A client does not serve, but it is there.
    @Test func aClientIsFoundToo() throws {
        let node = try node()
        var effects = node.tell(.start(Kademlia.OperationID(1), .findPeer(node.peer(100))))
        var outcome: Kademlia.Outcome?
        while let request = effects.requests.first {
            effects.removeFirst()
            if request.peer == node.peer(100) {
                effects += node.tell(.requestFailed(request.id, .unsupported))
            } else if var answer = honest(node, request) {
                answer.closerPeers.insert(node.named(100), at: 0)
                effects += node.answer(request, answer)
            }
            effects.removeAll { effect in
                if case .completed(_, let ended) = effect { outcome = ended }
                if case .send = effect { return false }
                return true
            }
        }
        #expect(outcome == .peer(node.population.contacts[100], isVerified: true))
        #expect(!node.knows(100))
    }

    @Test func hearsayIsMarkedAsSuch() throws {
        let node = try node()
        let place = try Multiaddr("/ip4/6.6.6.6/tcp/6666")
        let lie = KademliaMessage.Peer(id: node.peer(100).bytes, addresses: [place.bytes])
        let outcome = node.outcome(.findPeer(node.peer(100))) { request in
            guard var answer = honest(node, request) else { return nil }
            answer.closerPeers.insert(lie, at: 0)
            return answer
        }
        let contact = Kademlia.Contact(peer: node.peer(100), addresses: [place])
        #expect(outcome == .peer(contact, isVerified: false))
    }

    @Test func aPeerThatNobodyKnows() throws {
        let node = try node()
        #expect(node.outcome(.findPeer(node.peer(100))) { honest(node, $0) } == .peer(nil, isVerified: false))
    }

    @Test func aConnectedPeerNeedsNoSearch() throws {
        let node = try node()
        let address = try Multiaddr("/ip4/9.9.9.9/tcp/1")
        node.tell(.identified(node.peer(70), addresses: [address], isServer: false))
        let effects = node.tell(.start(Kademlia.OperationID(1), .findPeer(node.peer(70))))
        #expect(effects.requests.isEmpty)
        #expect(
            effects.outcome == .peer(Kademlia.Contact(peer: node.peer(70), addresses: [address]), isVerified: true))
        let own = node.tell(.start(Kademlia.OperationID(2), .findPeer(node.peer(0))))
        #expect(own.outcome == .peer(Kademlia.Contact(peer: node.peer(0), addresses: []), isVerified: true))
    }

    // MARK: Providers

    private func holders(_ node: Harness, _ key: [UInt8]) -> Set<Int> { Set(node.ordered(key, 1...60).prefix(20)) }

    @Test func providersAreFoundAndToldAsTheyCome() throws {
        let node = try node()
        let holders = holders(node, multihash)
        let effects = node.run(node.tell(.start(Kademlia.OperationID(9), .findProviders(multihash, limit: 5)))) {
            request in
            guard var answer = honest(node, request) else { return nil }
            #expect(request.message.kind == .getProviders && request.message.key == multihash)
            if holders.contains(node.population.number(request.peer) ?? 0) {
                answer.providerPeers = [node.named(100), node.named(101), node.named(100)]
            }
            return answer
        }
        let found = [100, 101].map {
            Kademlia.Provider(peer: node.peer($0), addresses: node.population.contacts[$0].addresses)
        }
        #expect(effects.progress == found)
        #expect(effects.outcomes == [.providers(found)])
    }

    @Test func theLimitHolds() throws {
        let node = try node()
        for limit in [0, 1, 7] {
            let outcome = node.outcome(.findProviders(multihash, limit: limit)) { request in
                guard var answer = honest(node, request) else { return nil }
                answer.providerPeers = (100..<150).map { node.named($0) }
                return answer
            }
            guard case .providers(let found) = outcome else {
                Issue.record("\(String(describing: outcome))")
                continue
            }
            #expect(found.count == limit)
        }
    }

    /// S12, S17: a minority that names many does not push out the provider that the others name.
    @Test func s12LiarsDoNotDrownAProvider() throws {
        let node = try node()
        let holders = Array(node.ordered(multihash, 1...60).prefix(20))
        let outcome = node.outcome(.findProviders(multihash, limit: 20)) { request in
            guard var answer = honest(node, request), let number = node.population.number(request.peer) else {
                return nil
            }
            if number % 3 == 0 {
                answer.providerPeers = (110..<174).map { node.named($0) }
            } else if holders.contains(number) {
                answer.providerPeers = [node.named(100)]
            }
            return answer
        }
        guard case .providers(let found) = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(found.first?.peer == node.peer(100))
    }

    @Test func providersWithoutAddressesAreLookedUp() throws {
        let node = try node { $0.limits.providersResolved = 2 }
        let homeless = [42, 43, 100, 101].map { KademliaMessage.Peer(id: node.peer($0).bytes, addresses: []) }
        var lookedUp: Set<[UInt8]> = []
        let outcome = node.outcome(.findProviders(multihash, limit: 5)) { request in
            guard var answer = honest(node, request) else { return nil }
            if request.message.kind == .findNode { lookedUp.insert(request.message.key) }
            if request.message.kind == .getProviders { answer.providerPeers = homeless }
            return answer
        }
        #expect(lookedUp == [node.peer(42).bytes, node.peer(43).bytes])
        guard case .providers(let found) = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(found.map(\.peer) == [42, 43, 100, 101].map { node.peer($0) })
        #expect(found[0].addresses == node.population.contacts[42].addresses)
        #expect(found[2].addresses == [])
        #expect(node.machine.jobs.isEmpty)
    }

    @Test func whatTheNodeHoldsItselfCountsWithItsAge() throws {
        let node = try Harness()
        node.admit([1])
        node.ask(
            KademliaMessage(kind: .addProvider, key: multihash, providerPeers: [node.named(100)]), from: 100)
        node.move(to: .seconds(61))
        let provider = Kademlia.Provider(
            peer: node.peer(100), addresses: node.population.contacts[100].addresses, age: .seconds(60))
        #expect(node.outcome(.findProviders(multihash, limit: 5)) { _ in nil } == .providers([provider]))
    }

    @Test func nobodyProvides() throws {
        let node = try node()
        #expect(node.outcome(.findProviders(multihash, limit: 5)) { honest(node, $0) } == .providers([]))
    }

    // MARK: Values

    private func record(_ value: [UInt8], _ time: String = "") -> KademliaMessage.Record {
        KademliaMessage.Record(key: name, value: value, timeReceived: time)
    }

    @Test func theBestValueAndItsAge() throws {
        let node = try node()
        let order = node.ordered(name, 1...60)
        let (good, old) = (CounterRules.value(7, "new"), CounterRules.value(3, "old"))
        let hour = Timestamp.text(node.now.wallMilliseconds - 3_600_000)
        var corrected: [Int: KademliaMessage.Record?] = [:]
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .getValue(name, quorum: 0)))) { request in
            guard var answer = honest(node, request), let number = node.population.number(request.peer) else {
                return nil
            }
            if request.message.kind == .putValue {
                corrected[number] = request.message.record
                return request.message
            }
            switch order.firstIndex(of: number) {
            case 0: answer.record = record(old)
            case 1, 2: answer.record = record(good, hour)
            case 3: answer.record = record(CounterRules.value(9, "bad"))
            case 4: answer.record = KademliaMessage.Record(key: [1], value: good)
            case 30: answer.record = record(old)
            default: break
            }
            return answer
        }
        #expect(effects.outcome == .value(Kademlia.Value(bytes: good, age: .seconds(3_600))))
        // The server with the old value and those of the closest without one get the best; the holder and the liar do not.
        #expect(corrected[order[0]] == record(good))
        for index in 1...4 { #expect(corrected[order[index]] == nil, "\(index)") }
        #expect(corrected[order[5]] == record(good))
        #expect(corrected.count >= 5)
        #expect(corrected.keys.allSatisfy { (order.firstIndex(of: $0) ?? 0) < 20 })
    }

    @Test func aQuorumEndsTheSearchEarly() throws {
        func asked(_ quorum: Int) throws -> Int {
            let node = try node(knowing: 1...60)
            let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .getValue(name, quorum: quorum)))) {
                request in
                guard request.message.kind == .getValue else { return request.message }
                var answer = honest(node, request)
                answer?.record = record(CounterRules.value(1, "a"))
                return answer
            }
            #expect(effects.outcome == .value(Kademlia.Value(bytes: CounterRules.value(1, "a"))))
            #expect(effects.reports.count == 1)
            return try #require(effects.reports.first).answers
        }
        #expect(try asked(2) == 2)
        #expect(try asked(0) >= 9)
    }

    @Test func aBetterValueStartsTheQuorumAnew() throws {
        let node = try node(knowing: 1...60)
        var answered = 0
        let outcome = node.outcome(.getValue(name, quorum: 3)) { request in
            guard request.message.kind == .getValue else { return request.message }
            answered += 1
            var answer = honest(node, request)
            answer?.record = record(CounterRules.value(answered <= 2 ? 1 : 2, "v"))
            return answer
        }
        #expect(outcome == .value(Kademlia.Value(bytes: CounterRules.value(2, "v"))))
        #expect(answered >= 5)
    }

    @Test func noValue() throws {
        let node = try node()
        #expect(node.outcome(.getValue(name, quorum: 0)) { honest(node, $0) } == .value(nil))
    }

    @Test func clocksOfOthersDoNotConfuse() throws {
        for (time, age) in [("2999-01-01T00:00:00Z", Duration.zero as Duration?), ("yesterday", nil), ("", nil)] {
            let node = try node()
            let outcome = node.outcome(.getValue(name, quorum: 0)) { request in
                guard request.message.kind == .getValue else { return request.message }
                var answer = honest(node, request)
                answer?.record = record(CounterRules.value(1, "a"), time)
                return answer
            }
            #expect(outcome == .value(Kademlia.Value(bytes: CounterRules.value(1, "a"), age: age)))
        }
    }
}
