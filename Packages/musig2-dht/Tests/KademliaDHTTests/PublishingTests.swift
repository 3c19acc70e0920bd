import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// Operations that publish, and how the node keeps up what it published.
@Suite("Operations that publish")
struct PublishingTests {
    private let multihash: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)
    private let name = Array("/counter/x".utf8)
    private let day = Duration.seconds(24 * 3_600)

    private func node(
        _ mode: Kademlia.Mode = .client, _ change: (inout Kademlia.Configuration) -> Void = { _ in }
    ) throws -> Harness {
        let node = try Harness(mode: mode) {
            // Days pass in these tests, and the table needs no care.
            $0.refreshInterval = .seconds(30 * 24 * 3_600)
            change(&$0)
        }
        node.tell(.localAddresses(node.population.contacts[0].addresses))
        node.admit(1...60)
        return node
    }

    private func honest(_ node: Harness, _ request: Kademlia.Request) -> KademliaMessage? {
        guard let number = node.population.number(request.peer), (1...60).contains(number) else { return nil }
        if request.message.kind == .putValue { return request.message }
        return KademliaMessage(
            kind: request.message.kind, key: request.message.key,
            closerPeers: node.closest(request.message.key, among: (1...60).filter { $0 != number }))
    }

    private func announced(_ effects: [Kademlia.Effect]) -> [Kademlia.Request] {
        effects.requests.filter { $0.message.kind == .addProvider }
    }

    private func put(_ effects: [Kademlia.Effect]) -> [Kademlia.Request] {
        effects.requests.filter { $0.message.kind == .putValue }
    }

    // MARK: Providers

    @Test func theTwentyClosestAreTold() throws {
        let node = try node()
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .provide(multihash, for: .seconds(60))))) {
            honest(node, $0)
        }
        #expect(effects.outcomes == [.provided(servers: 20)])
        let told = announced(effects)
        #expect(Set(told.map(\.peer)) == Set(node.ordered(multihash, 1...60).prefix(20).map { node.peer($0) }))
        var own = node.named(0)
        own.connection = 1
        let expected = KademliaMessage(kind: .addProvider, key: multihash, providerPeers: [own])
        #expect(told.allSatisfy { $0.message == expected && !$0.expectsReply })
    }

    /// libp2p.md: the figure that py made of such a message.
    @Test func theMessageIsThatOfOthers() throws {
        let figure =
            "0802122212208254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a4a340a26002408011220dd6704beec4ae1"
            + "94662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb6061208047f000001060fa11801"
        let peer = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
        let key = Array(figure.utf8)[8..<76].map { $0 < 58 ? $0 - 48 : $0 - 87 }
        let multihash = stride(from: 0, to: key.count, by: 2).map { key[$0] << 4 | key[$0 + 1] }
        let now = Kademlia.Now(monotonic: .zero, wallMilliseconds: 0)
        var machine = Kademlia(local: peer, seed: 1, hash: SHA256.hash)
        _ = machine.handle(.localAddresses([try Multiaddr("/ip4/127.0.0.1/tcp/4001")]), at: now)
        let server = try Population(2, seed: 1).contacts[1]
        let probe = machine.handle(.identified(server.peer, addresses: server.addresses, isServer: true), at: now)
        for effect in probe {
            guard case .send(let request) = effect else { continue }
            _ = machine.handle(
                .response(request.id, KademliaMessage(kind: .findNode), remote: server.addresses.first), at: now)
        }
        var queue = machine.handle(.start(Kademlia.OperationID(1), .provide(multihash, for: day)), at: now)
        var sent: [String] = []
        while !queue.isEmpty {
            guard case .send(let request) = queue.removeFirst() else { continue }
            if request.message.kind == .addProvider { sent.append(request.message.encoded().hex) }
            queue += machine.handle(
                .response(
                    request.id, KademliaMessage(kind: request.message.kind), remote: server.addresses.first), at: now)
        }
        #expect(sent == [figure])
    }

    @Test func itAnswersItself() throws {
        let node = try node(.server)
        #expect(node.outcome(.provide(multihash, for: .seconds(60))) { honest(node, $0) } == .provided(servers: 20))
        func told() -> [[UInt8]]? {
            node.ask(KademliaMessage(kind: .getProviders, key: multihash), from: 5).reply?.providerPeers.map(\.id)
        }
        #expect(told() == [node.peer(0).bytes])
        _ = node.wait(.seconds(61))
        #expect(told() == [])
    }

    @Test func renewedEvery22HoursUntilTheLifetimeIsOver() throws {
        let node = try node()
        #expect(node.outcome(.provide(multihash, for: day * 3)) { honest(node, $0) } == .provided(servers: 20))
        var times: [Int64] = []
        for hour in 1...120 {
            let effects = node.live(.seconds(3_600)) { honest(node, $0) }
            let told = announced(effects)
            #expect(told.isEmpty || told.count == 20)
            #expect(effects.outcomes.isEmpty, "nobody asked for it")
            if !told.isEmpty { times.append(Int64(hour)) }
        }
        #expect(times.count == 3)
        for (earlier, later) in zip([0] + times, times) { #expect((19...25).contains(later - earlier), "\(times)") }
        #expect(node.machine.server.publications.isEmpty)
    }

    /// Others keep the addresses of a provider for 24 hours: a renewal must not come later.
    @Test(arguments: 1...20)
    func renewedBeforeTheAddressesAreForgotten(seed: UInt64) throws {
        let node = try node()
        node.machine.generator = SeededGenerator(seed: seed)
        #expect(node.outcome(.provide(multihash, for: day * 3)) { honest(node, $0) } == .provided(servers: 20))
        let wakesAt = try #require(node.machine.server.publications[1]?.wakesAt)
        let interval = node.machine.configuration.provideInterval
        #expect((interval * 9 / 10...interval).contains(wakesAt - node.now.monotonic))
    }

    @Test func notRenewedAfterItWasStopped() throws {
        let node = try node()
        #expect(node.outcome(.provide(multihash, for: day * 3)) { honest(node, $0) } == .provided(servers: 20))
        #expect(node.outcome(.stopProviding(multihash)) { _ in nil } == .stopped)
        #expect(announced(node.live(day * 2) { honest(node, $0) }).isEmpty)
        #expect(node.outcome(.stopProviding(multihash)) { _ in nil } == .stopped)
    }

    @Test func renewedWhenTheAddressesChange() throws {
        let node = try node()
        #expect(node.outcome(.provide(multihash, for: day)) { honest(node, $0) } == .provided(servers: 20))
        let new = [try Multiaddr("/ip4/9.9.9.9/tcp/1")]
        node.tell(.localAddresses([try Multiaddr("/ip4/8.8.8.8/tcp/1")]))
        _ = node.wait(.seconds(3))
        node.tell(.localAddresses(new))
        #expect(announced(node.live(.seconds(4)) { honest(node, $0) }).isEmpty, "they may change again")
        let told = announced(node.live(.seconds(3)) { honest(node, $0) })
        #expect(told.count == 20)
        #expect(told.allSatisfy { $0.message.providerPeers.first?.addresses == new.map(\.bytes) })
        node.tell(.localAddresses(new))
        #expect(announced(node.live(.seconds(60)) { honest(node, $0) }).isEmpty, "they are the same")
    }

    @Test func aRenewalThatFailsIsTriedAgain() throws {
        let node = try node { $0.refreshInterval = .seconds(600) }
        #expect(node.outcome(.provide(multihash, for: day * 3)) { honest(node, $0) } == .provided(servers: 20))
        #expect(announced(node.live(.seconds(25 * 3_600)) { _ in nil }).isEmpty)
        #expect(announced(node.live(.seconds(1_500)) { honest(node, $0) }).count >= 20)
    }

    @Test func withoutAnAddressNobodyCouldCome() throws {
        let node = try Harness(mode: .client) { $0.addressPolicy = .publicOnly }
        node.admit([1])
        #expect(node.outcome(.provide(multihash, for: day)) { _ in nil } == .failed(.noAddresses))
        node.tell(.localAddresses([try Multiaddr("/ip4/127.0.0.1/tcp/1")]))
        #expect(node.outcome(.provide(multihash, for: day)) { _ in nil } == .failed(.noAddresses))
    }

    // MARK: Values

    @Test func theTwentyClosestStoreAValue() throws {
        let node = try node()
        let value = CounterRules.value(1, "a")
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .putValue(name, value: value, for: day)))) {
            honest(node, $0)
        }
        #expect(effects.outcomes == [.stored(servers: 20)])
        let record = KademliaMessage.Record(key: name, value: value)
        #expect(put(effects).count == 20)
        #expect(put(effects).allSatisfy { $0.message == KademliaMessage(kind: .putValue, key: name, record: record) })
    }

    @Test func onlyAnEchoOfTheValueCounts() throws {
        let node = try node()
        var count = 0
        let outcome = node.outcome(.putValue(name, value: CounterRules.value(1, "a"), for: day)) { request in
            guard request.message.kind == .putValue else { return honest(node, request) }
            count += 1
            if count == 1 { return KademliaMessage(kind: .putValue, key: name) }
            if count == 2 { return nil }
            if count == 3 {
                return KademliaMessage(
                    kind: .putValue, key: name, record: KademliaMessage.Record(key: name, value: [9, 9]))
            }
            return request.message
        }
        #expect(outcome == .stored(servers: 17))
    }

    @Test func renewedDaily() throws {
        let node = try node()
        let value = CounterRules.value(1, "a")
        #expect(node.outcome(.putValue(name, value: value, for: day * 4)) { honest(node, $0) } == .stored(servers: 20))
        let renewed = put(node.live(day * 6) { honest(node, $0) })
        #expect(renewed.count == 60 || renewed.count == 80)
        #expect(node.machine.server.publications.isEmpty)
    }

    @Test func aBetterValueOfOthersIsNotOverwritten() throws {
        let node = try node()
        let better = KademliaMessage.Record(key: name, value: CounterRules.value(9, "better"))
        let effects = node.run(
            node.tell(.start(Kademlia.OperationID(1), .putValue(name, value: CounterRules.value(1, "a"), for: day)))
        ) { request in
            var answer = honest(node, request)
            answer?.record = better
            return answer
        }
        #expect(effects.outcomes == [.failed(.olderValue)] && put(effects).isEmpty)
        #expect(node.machine.server.publications.isEmpty)
    }

    @Test func aNewerValueOfOnesOwnReplacesTheOlder() throws {
        let node = try node(.server)
        for counter in [1, 2] as [UInt8] {
            let value = CounterRules.value(counter, "a")
            #expect(node.outcome(.putValue(name, value: value, for: day)) { honest(node, $0) } == .stored(servers: 20))
            #expect(node.ask(KademliaMessage(kind: .getValue, key: name), from: 5).reply?.record?.value == value)
        }
        #expect(node.machine.server.publications.count == 1)
        #expect(
            node.outcome(.putValue(name, value: CounterRules.value(1, "a"), for: day)) { honest(node, $0) }
                == .failed(.olderValue))
        #expect(node.outcome(.stopPutting(name)) { _ in nil } == .stopped)
        #expect(node.ask(KademliaMessage(kind: .getValue, key: name), from: 5).reply?.record == nil)
    }

    @Test func whatCannotBeStoredIsSaidAtOnce() throws {
        let node = try node()
        func outcome(_ key: String, _ value: [UInt8]) -> Kademlia.Outcome? {
            node.tell(.start(Kademlia.OperationID(1), .putValue(Array(key.utf8), value: value, for: day))).outcome
        }
        #expect(outcome("counter/x", [1, 1]) == .failed(.invalidKey))
        #expect(outcome("/counter/" + String(repeating: "x", count: 120), [1, 1]) == .failed(.invalidKey))
        #expect(outcome("/other/x", [1, 1]) == .failed(.unknownNamespace))
        #expect(outcome("/counter/x", CounterRules.value(1, "bad")) == .failed(.invalidValue))
        #expect(outcome("/counter/x", [UInt8](repeating: 1, count: (60 << 10) + 1)) == .failed(.valueTooLong))
        func failure(_ operation: Kademlia.Operation) -> Kademlia.Outcome? {
            node.tell(.start(Kademlia.OperationID(1), operation)).outcome
        }
        #expect(failure(.provide([], for: day)) == .failed(.invalidKey))
        #expect(failure(.provide([UInt8](repeating: 1, count: 81), for: day)) == .failed(.invalidKey))
        #expect(failure(.findProviders([], limit: 1)) == .failed(.invalidKey))
        #expect(failure(.closestPeers([])) == .failed(.invalidKey))
        #expect(failure(.closestPeers([UInt8](repeating: 1, count: 257))) == .failed(.invalidKey))
        #expect(failure(.getValue([1], quorum: 0)) == .failed(.invalidKey))
        #expect(failure(.getValue(Array("/other/x".utf8), quorum: 0)) == .failed(.unknownNamespace))
        #expect(node.machine.jobs.isEmpty && node.machine.server.publications.isEmpty)
    }

    // MARK: Trying again, giving up

    /// 2 s, 4 s, 8 s.
    @Test func threeRetriesThenFailure() throws {
        let node = try node()
        let first = node.tell(.start(Kademlia.OperationID(1), .provide(multihash, for: day)))
        node.run(first) { _ in nil }
        var seen: [Int] = []
        for second in 1...20 {
            let effects = node.live(.seconds(1)) { _ in nil }
            if effects.requests.contains(where: { $0.message.key == multihash }) { seen.append(second) }
            if let outcome = effects.outcome { #expect(outcome == .failed(.noPeers)) }
        }
        #expect(seen == [2, 6, 14])
        #expect(node.machine.jobs.isEmpty && node.machine.server.publications.isEmpty)
    }

    @Test func aRetryMaySucceed() throws {
        let node = try node()
        node.run(node.tell(.start(Kademlia.OperationID(1), .findProviders(multihash, limit: 3)))) { _ in nil }
        let effects = node.live(.seconds(3)) { honest(node, $0) }
        #expect(effects.outcomes == [.providers([])])
    }

    @Test func whoTakesNothing() throws {
        let node = try node()
        let outcomes = node.run(
            node.tell(.start(Kademlia.OperationID(1), .putValue(name, value: CounterRules.value(1, "a"), for: day)))
        ) { $0.message.kind == .putValue ? nil : honest(node, $0) }.outcomes
        #expect(outcomes.isEmpty)
        let later = node.live(.seconds(20)) { $0.message.kind == .putValue ? nil : honest(node, $0) }
        #expect(later.outcomes == [.failed(.notStored)])
    }

    /// Others refuse values of namespaces that they do not know by a reset: that is said at once, and they are servers as before.
    @Test func whoRefusesARecordIsAServerAllTheSame() throws {
        let node = try node()
        let servers = node.machine.peers.table.liveCount
        for attempt in 1...3 as ClosedRange<UInt64> {
            let put = Kademlia.Operation.putValue(name, value: CounterRules.value(1, "a"), for: day)
            let outcomes = node.run(node.tell(.start(Kademlia.OperationID(attempt), put)), failure: .reset) {
                $0.message.kind == .putValue ? nil : honest(node, $0)
            }.outcomes
            #expect(outcomes == [.failed(.refused)])
            #expect(node.machine.peers.table.liveCount == servers)
        }
        #expect(node.machine.server.publications.isEmpty && node.machine.jobs.isEmpty)
        // The same of those that are given a better value than they have.
        let record = KademliaMessage.Record(key: name, value: CounterRules.value(2, "b"))
        var hasBetter = true
        let get = Kademlia.Operation.getValue(name, quorum: 0)
        let effects = node.run(node.tell(.start(Kademlia.OperationID(9), get)), failure: .reset) { request in
            guard request.message.kind == .getValue else { return nil }
            defer { hasBetter = false }
            var answer = honest(node, request)
            if hasBetter { answer?.record = record }
            return answer
        }
        #expect(!self.put(effects).isEmpty && node.machine.peers.table.liveCount == servers)
    }

    /// A record that was accepted once is tried again at its time, whatever servers refuse it meanwhile.
    @Test func aRefusedRenewalIsTriedAgain() throws {
        let node = try node()
        #expect(
            node.outcome(.putValue(name, value: CounterRules.value(1, "a"), for: day * 4)) { honest(node, $0) }
                == .stored(servers: 20))
        var renewed = 0
        while renewed == 0, let deadline = node.machine.nextDeadline, deadline < day * 2 {
            node.move(to: max(deadline, node.now.monotonic))
            let effects = node.run(node.tell(.tick), failure: .reset) {
                $0.message.kind == .putValue ? nil : honest(node, $0)
            }
            renewed += put(effects).count
        }
        #expect(renewed == 20 && node.machine.server.publications.count == 1)
    }

    @Test func nobodyIsKnown() throws {
        let node = try Harness(mode: .client)
        #expect(node.tell(.start(Kademlia.OperationID(1), .closestPeers([1]))).isEmpty)
        #expect(node.wait(.seconds(20)).outcomes == [.failed(.noPeers)])
    }

    @Test func aLookupEndsInTime() throws {
        let node = try node { $0.limits.requestsPerLookup = 100_000 }
        let effects = node.tell(.start(Kademlia.OperationID(1), .closestPeers(multihash)))
        #expect(!effects.requests.isEmpty)
        // Nobody ever answers: requests time out, retries begin, and it is over in the end.
        let all = node.wait(.seconds(400))
        #expect(all.outcomes == [.failed(.noPeers)])
        #expect(node.machine.requests.isEmpty && node.machine.jobs.isEmpty)
    }

    @Test func operationsAreLimitedAndNamedOnce() throws {
        let node = try node { $0.limits.operations = 3 }
        for id in 1...3 {
            #expect(node.tell(.start(Kademlia.OperationID(UInt64(id)), .closestPeers([1]))).outcome == nil)
        }
        #expect(node.tell(.start(Kademlia.OperationID(2), .closestPeers([1]))).outcome == .failed(.duplicateOperation))
        #expect(node.tell(.start(Kademlia.OperationID(4), .closestPeers([1]))).outcome == .failed(.tooMany))
        node.tell(.cancel(Kademlia.OperationID(2)))
        #expect(node.tell(.start(Kademlia.OperationID(4), .closestPeers([1]))).outcome == nil)
    }

    @Test func publicationsAreLimited() throws {
        let node = try node { $0.limits.publications = 2 }
        for key in 1...2 {
            #expect(node.outcome(.provide([UInt8(key)], for: day)) { honest(node, $0) } == .provided(servers: 20))
        }
        #expect(node.outcome(.provide([3], for: day)) { honest(node, $0) } == .failed(.tooMany))
        #expect(node.outcome(.provide([2], for: day)) { honest(node, $0) } == .provided(servers: 20))
    }

    @Test func aCancelledOperationSaysNoMore() throws {
        let node = try node()
        let effects = node.tell(.start(Kademlia.OperationID(1), .provide(multihash, for: day * 2)))
        node.tell(.cancel(Kademlia.OperationID(1)))
        node.tell(.cancel(Kademlia.OperationID(1)))
        let rest = node.run(effects) { honest(node, $0) }
        #expect(rest.outcomes.isEmpty && announced(rest).isEmpty)
        #expect(node.machine.jobs.isEmpty && node.machine.server.publications.isEmpty)
        #expect(announced(node.live(day) { honest(node, $0) }).isEmpty)
    }
}
