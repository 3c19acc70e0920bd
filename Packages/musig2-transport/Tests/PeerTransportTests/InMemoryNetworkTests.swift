import Multiformats
import PeerTransport
import Testing

@Suite struct InMemoryNetworkTests {
    private let one: PeerID
    private let two: PeerID
    private let three: PeerID

    init() throws {
        one = try testPeer(1)
        two = try testPeer(2)
        three = try testPeer(3)
    }

    /// Two endpoints that are connected, with the events of that taken.
    private func connected(_ network: InMemoryNetwork) async -> (InMemoryEndpoint, InMemoryEndpoint) {
        let (first, second) = (network.endpoint(for: one), network.endpoint(for: two))
        first.connect(to: two, addresses: [])
        network.clock.advance(by: .seconds(60))
        #expect(await first.nextEvents() == [.connected(two)])
        #expect(await second.nextEvents() == [.connected(one)])
        return (first, second)
    }

    /// Every frame that waits at an endpoint now.
    private func frames(at endpoint: InMemoryEndpoint, after mark: PeerNetworkEvent) async -> [Int] {
        var numbers: [Int] = []
        while true {
            for event in await endpoint.nextEvents() {
                if event == mark { return numbers }
                guard case .frame(let bytes, _) = event, bytes.count == 2 else {
                    Issue.record("unexpected \(event)")
                    return numbers
                }
                numbers.append(Int(bytes[0]) << 8 | Int(bytes[1]))
            }
        }
    }

    /// Sends so many frames under a plan and returns what arrives.
    private func run(_ count: Int, seed: UInt64, plan: FaultPlan) async -> ([Int], InMemoryNetwork.Counts) {
        let network = InMemoryNetwork(seed: seed, queueLimits: .init(framesPerPeer: 100_000))
        let (first, second) = await connected(network)
        network.setChances(plan)
        for number in 0..<count {
            first.send(frame(number), to: two)
            network.clock.advance(by: .milliseconds(1))
        }
        network.clock.advance(by: .seconds(60))
        first.disconnect(two)
        network.clock.advance(by: .seconds(60))
        return (await frames(at: second, after: .disconnected(one)), network.counts)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func lossFollowsFromTheSeed(seed: UInt64) async {
        let plan = FaultPlan(loss: 0.3)
        let (found, counts) = await run(1_000, seed: seed, plan: plan)
        let (again, _) = await run(1_000, seed: seed, plan: plan)
        #expect(found == again, "seed \(seed)")
        #expect(found == found.sorted(), "loss alone keeps the order, seed \(seed)")
        #expect((200...400).contains(counts.lost), "seed \(seed)")
        #expect(counts.sent == 1_000 && counts.delivered == 1_000 - counts.lost && counts.dropped == 0)
        #expect(found.count == counts.delivered)
    }

    @Test func anotherSeedLosesOthers() async {
        let (found, _) = await run(1_000, seed: 1, plan: FaultPlan(loss: 0.3))
        let (other, _) = await run(1_000, seed: 2, plan: FaultPlan(loss: 0.3))
        #expect(found != other)
    }

    @Test func duplicationDeliversTwice() async {
        let (found, counts) = await run(1_000, seed: 4, plan: FaultPlan(duplication: 0.2))
        #expect((100...300).contains(counts.duplicated))
        #expect(found.count == 1_000 + counts.duplicated)
        #expect(Set(found).count == 1_000)
    }

    @Test func reorderingLosesNothing() async {
        let (found, counts) = await run(1_000, seed: 5, plan: FaultPlan(reordering: 0.2))
        #expect(found != Array(0..<1_000))
        #expect(found.sorted() == Array(0..<1_000))
        #expect(counts.delivered == 1_000)
    }

    @Test func delayKeepsOrder() async {
        let plan = FaultPlan(delay: .milliseconds(1) ... .milliseconds(500))
        let (found, _) = await run(1_000, seed: 6, plan: plan)
        #expect(found == Array(0..<1_000))
    }

    @Test func delayedFramesArriveWhenTheClockIsMoved() async {
        let network = InMemoryNetwork(plan: FaultPlan(delay: .milliseconds(10) ... .milliseconds(10)))
        let (first, second) = await connected(network)
        first.send(frame(7), to: two)
        network.clock.advance(by: .milliseconds(9))
        #expect(network.counts.delivered == 0)
        network.clock.advance(by: .milliseconds(1))
        #expect(network.counts.delivered == 1)
        #expect(await second.nextEvents() == [.frame(frame(7), from: one)])
    }

    @Test func partitionCutsAndHealLetsReturn() async {
        let network = InMemoryNetwork()
        let (first, second) = await connected(network)
        network.apply(.partition([[one], [two, three]]))
        #expect(await first.nextEvents() == [.disconnected(two)])
        #expect(await second.nextEvents() == [.disconnected(one)])
        first.send(frame(1), to: two)
        #expect(network.counts.dropped == 1)
        first.connect(to: two, addresses: [])
        #expect(
            await first.nextEvents() == [
                .connectFailed(two, reason: "nobody answers as \(two) on this in-memory network")
            ]
        )
        let third = network.endpoint(for: three)
        third.connect(to: two, addresses: [])
        #expect(await third.nextEvents() == [.connected(two)])
        #expect(await second.nextEvents() == [.connected(three)])
        network.apply(.heal)
        first.connect(to: two, addresses: [])
        #expect(await first.nextEvents() == [.connected(two)])
        #expect(await second.nextEvents() == [.connected(one)])
    }

    @Test func crashEndsAnEndpointWithoutAWord() async {
        let network = InMemoryNetwork(plan: FaultPlan(delay: .milliseconds(5) ... .milliseconds(5)))
        let (first, second) = await connected(network)
        first.send(frame(1), to: two)
        second.send(frame(2), to: one)
        network.apply(.crash(one))
        #expect(await first.nextEvents() == [])
        #expect(await second.nextEvents() == [.disconnected(one)])
        network.clock.advance(by: .seconds(1))
        #expect(network.counts.delivered == 0, "what was on the way is lost")
        let reborn = network.endpoint(for: one)
        #expect(reborn !== first)
        reborn.connect(to: two, addresses: [])
        network.clock.advance(by: .seconds(1))
        #expect(await reborn.nextEvents() == [.connected(two)])
        #expect(await second.nextEvents() == [.connected(one)])
        first.send(frame(3), to: two)
        first.connect(to: three, addresses: [])
        first.disconnect(two)
        #expect(network.counts.dropped == 3, "a dead endpoint does nothing")
    }

    @Test func cutBreaksOneConnection() async {
        let network = InMemoryNetwork()
        let (first, second) = await connected(network)
        network.apply(.cut(two, one))
        #expect(await first.nextEvents() == [.disconnected(two)])
        #expect(await second.nextEvents() == [.disconnected(one)])
    }

    @Test func scheduledFaultsHappenAtTheirTime() async {
        let plan = FaultPlan(schedule: [.init(at: .seconds(100), .crash(two)), .init(at: .seconds(90), .cut(one, two))])
        let network = InMemoryNetwork(plan: plan)
        let (first, second) = await connected(network)
        network.clock.advance(by: .seconds(30))
        #expect(await first.nextEvents() == [.disconnected(two)])
        first.connect(to: two, addresses: [])
        #expect(await first.nextEvents() == [.connected(two)])
        network.clock.advance(by: .seconds(10))
        #expect(await first.nextEvents() == [.disconnected(two)])
        #expect(await second.nextEvents() == [], "it crashed before it took its events")
    }

    @Test func aCloseOvertakesNoFrame() async {
        let network = InMemoryNetwork(seed: 9, plan: FaultPlan(delay: .milliseconds(1) ... .milliseconds(50)))
        let (first, second) = await connected(network)
        for number in 0..<20 { first.send(frame(number), to: two) }
        first.disconnect(two)
        #expect(await first.nextEvents() == [.disconnected(two)])
        network.clock.advance(by: .seconds(1))
        #expect(await frames(at: second, after: .disconnected(one)) == Array(0..<20))
    }

    @Test func aReturnBeforeTheCloseArrivedIsToldAsBoth() async {
        let network = InMemoryNetwork(plan: FaultPlan(delay: .milliseconds(5) ... .milliseconds(5)))
        let (first, second) = await connected(network)
        first.disconnect(two)
        second.send(frame(1), to: one)
        first.connect(to: two, addresses: [])
        network.clock.advance(by: .seconds(1))
        #expect(await first.nextEvents() == [.disconnected(two), .connected(two)])
        #expect(await second.nextEvents() == [.disconnected(one), .connected(one)])
    }

    @Test func connectingToOneselfFails() async {
        let network = InMemoryNetwork()
        let first = network.endpoint(for: one)
        first.connect(to: one, addresses: [])
        #expect(await first.nextEvents() == [.connectFailed(one, reason: "peer \(one) is this side itself")])
    }

    @Test func aFullQueueDropsFrames() async {
        let network = InMemoryNetwork(queueLimits: .init(framesPerPeer: 3))
        let (first, second) = await connected(network)
        for number in 0..<5 { first.send(frame(number), to: two) }
        #expect(network.counts.delivered == 3 && network.counts.dropped == 2)
        #expect(await second.nextEvents() == (0..<3).map { .frame(frame($0), from: one) })
    }

    @Test func endpointsHaveAddressesWithTheirID() throws {
        let network = InMemoryNetwork()
        #expect(network.endpoint(for: one).addresses == [try Multiaddr("/memory/1/p2p/\(one)")])
        #expect(network.endpoint(for: two).addresses == [try Multiaddr("/memory/2/p2p/\(two)")])
        #expect(network.endpoint(for: one) === network.endpoint(for: one))
    }
}
