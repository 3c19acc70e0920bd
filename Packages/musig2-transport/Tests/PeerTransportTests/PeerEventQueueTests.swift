import Multiformats
import PeerTransport
import Testing

@Suite struct PeerEventQueueTests {
    private let one: PeerID
    private let two: PeerID

    init() throws {
        one = try testPeer(1)
        two = try testPeer(2)
    }

    @Test func keepsTheOrderOfAPeer() async {
        let queue = PeerEventQueue()
        queue.push(.connected(one))
        for number in 0..<5 { queue.push(.frame(frame(number), from: one)) }
        queue.push(.disconnected(one))
        let events = await queue.next()
        #expect(
            events == [.connected(one)] + (0..<5).map { .frame(frame($0), from: one) } + [.disconnected(one)]
        )
    }

    @Test func takesOneEventFromEachPeerInTurn() async {
        let queue = PeerEventQueue(limits: .init(eventsPerBatch: 4))
        for number in 0..<3 { queue.push(.frame(frame(number), from: one)) }
        for number in 10..<12 { queue.push(.frame(frame(number), from: two)) }
        #expect(
            await queue.next() == [
                .frame(frame(0), from: one), .frame(frame(10), from: two),
                .frame(frame(1), from: one), .frame(frame(11), from: two),
            ]
        )
        #expect(await queue.next() == [.frame(frame(2), from: one)])
    }

    @Test func boundsTheFramesOfAPeer() async {
        let queue = PeerEventQueue(limits: .init(framesPerPeer: 2))
        #expect(queue.push(.frame([0], from: one)))
        #expect(queue.push(.frame([1], from: one)))
        #expect(!queue.push(.frame([2], from: one)))
        #expect(queue.push(.frame([3], from: two)), "another peer has room of its own")
        #expect(queue.push(.disconnected(one)), "what says that a peer went is never dropped")
        #expect(
            await queue.next() == [
                .frame([0], from: one), .frame([3], from: two), .frame([1], from: one), .disconnected(one),
            ]
        )
        #expect(queue.push(.frame([4], from: one)))
    }

    @Test func boundsTheBytesOfAPeer() async {
        let queue = PeerEventQueue(limits: .init(bytesPerPeer: 10, bytesInTotal: 1000))
        #expect(
            queue.push(.frame([UInt8](repeating: 0, count: 100), from: one)), "a large frame is taken when it is alone")
        #expect(!queue.push(.frame([0], from: one)))
        #expect(await queue.next().count == 1)
        #expect(queue.push(.frame([UInt8](repeating: 0, count: 9), from: one)))
        #expect(queue.push(.frame([0], from: one)))
        #expect(!queue.push(.frame([0], from: one)))
    }

    @Test func keepsRoomForPeersThatDoNotFlood() {
        let queue = PeerEventQueue(limits: .init(bytesPerPeer: 100, bytesInTotal: 100))
        for _ in 0..<7 { #expect(queue.push(.frame([UInt8](repeating: 0, count: 10), from: one))) }
        #expect(!queue.push(.frame([UInt8](repeating: 0, count: 10), from: one)), "the last quarter is not for it")
        #expect(queue.push(.frame([UInt8](repeating: 0, count: 30), from: two)))
        #expect(!queue.push(.frame([0], from: two)))
    }

    @Test func foldsComingAndGoing() async {
        let queue = PeerEventQueue()
        for _ in 0..<100 {
            queue.push(.connected(one))
            queue.push(.disconnected(one))
        }
        #expect(await queue.next() == [.disconnected(one)])
        queue.push(.disconnected(one))
        queue.push(.connected(one))
        #expect(await queue.next() == [.disconnected(one), .connected(one)], "a return is told")
        queue.push(.connectFailed(one, reason: "first"))
        queue.push(.connectFailed(one, reason: "second"))
        #expect(await queue.next() == [.connectFailed(one, reason: "second")])
    }

    @Test func keepsTheNewestAddresses() async throws {
        let queue = PeerEventQueue()
        queue.push(.addressesChanged([try Multiaddr("/memory/1")]))
        queue.push(.addressesChanged([try Multiaddr("/memory/2")]))
        #expect(await queue.next() == [.addressesChanged([try Multiaddr("/memory/2")])])
    }

    @Test func wakesTheConsumer() async {
        let queue = PeerEventQueue()
        async let events = queue.next()
        queue.push(.connected(one))
        #expect(await events == [.connected(one)])
    }

    @Test func waitsForRoom() async {
        let queue = PeerEventQueue(limits: .init(framesPerPeer: 1, bytesInTotal: 100))
        #expect(await queue.waitForRoom(for: one, bytes: 1))
        queue.push(.frame([0], from: one))
        async let room = queue.waitForRoom(for: one, bytes: 1)
        #expect(await queue.next() == [.frame([0], from: one)])
        #expect(await room)
        #expect(await queue.waitForRoom(for: one, bytes: 101) == false, "there will never be so much room")
    }

    @Test func roomOfOthersWakesWhoWaitsForTheSharedLimit() async {
        let queue = PeerEventQueue(limits: .init(bytesInTotal: 10))
        queue.push(.frame([UInt8](repeating: 0, count: 8), from: one))
        async let room = queue.waitForRoom(for: two, bytes: 5)
        #expect(await queue.next().count == 1)
        #expect(await room)
    }

    @Test func closeLetsTakeWhatWaits() async {
        let queue = PeerEventQueue(limits: .init(framesPerPeer: 1))
        queue.push(.frame([1], from: one))
        async let room = queue.waitForRoom(for: one, bytes: 1)
        queue.close()
        #expect(!queue.push(.connected(one)))
        #expect(await room == false)
        #expect(await queue.next() == [.frame([1], from: one)])
        #expect(await queue.next() == [])
        #expect(await queue.next() == [])
    }

    @Test func closeEndsAWait() async {
        let queue = PeerEventQueue()
        async let events = queue.next()
        queue.close()
        #expect(await events == [])
    }

    @Test func cancellationEndsAWaitAndLosesNothing() async {
        let queue = PeerEventQueue()
        let task = Task { await queue.next() }
        task.cancel()
        #expect(await task.value == [])
        queue.push(.connected(one))
        #expect(await queue.next() == [.connected(one)])
    }

    @Test func limitsAreAtLeastOne() {
        let limits = PeerEventQueue.Limits(framesPerPeer: 0, bytesPerPeer: -1, bytesInTotal: 0, eventsPerBatch: -5)
        #expect(limits == PeerEventQueue.Limits(framesPerPeer: 1, bytesPerPeer: 1, bytesInTotal: 1, eventsPerBatch: 1))
    }

    /// Many producers and one consumer on real threads: everything arrives, in order for each peer.
    @Test func producersOnManyThreads() async throws {
        let queue = PeerEventQueue(limits: .init(framesPerPeer: 64))
        let peers = try (1...8).map { try testPeer(UInt8($0)) }
        await withTaskGroup(of: Void.self) { group in
            for peer in peers {
                group.addTask {
                    for number in 0..<500 {
                        while !queue.push(.frame(frame(number), from: peer)) {
                            _ = await queue.waitForRoom(for: peer, bytes: 2)
                        }
                    }
                }
            }
            var next: [PeerID: Int] = [:]
            var count = 0
            while count < 8 * 500 {
                for event in await queue.next() {
                    guard case .frame(let bytes, let peer) = event else {
                        Issue.record("unexpected \(event)")
                        return
                    }
                    #expect(bytes == frame(next[peer, default: 0]))
                    next[peer, default: 0] += 1
                    count += 1
                }
            }
        }
    }
}
