import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import PeerTransportTestKit
import Synchronization
import Testing

@testable import PeerNode

/// R20: dials that fill the places, and a lying dial before the right one.
@Suite(.serialized, .timeLimit(.minutes(1))) struct R20DialTests {
    private let transport = PendingTransport()

    private func node(_ change: (inout PeerNode.Configuration) -> Void = { _ in }) throws -> PeerNode {
        var configuration = PeerNode.Configuration()
        configuration.timeSource = VirtualClock().timeSource
        configuration.identify.isEnabled = false
        change(&configuration)
        return PeerNode(
            localPeer: try testPeer(1), transports: [transport], configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    private func place(_ number: Int) throws -> Multiaddr { try Multiaddr("/ip4/192.0.2.\(number)/tcp/4001") }

    private func start(
        _ node: PeerNode, _ number: UInt8, _ addresses: [Multiaddr], _ respectsBackoff: Bool
    ) -> Task<TransportError?, Never> {
        Task {
            do throws(TransportError) {
                try await node.connect(
                    to: try testPeerOrFail(number), addresses: addresses, respectsBackoff: respectsBackoff)
                return nil
            } catch {
                return error
            }
        }
    }

    private func testPeerOrFail(_ number: UInt8) throws(TransportError) -> PeerID {
        do {
            return try testPeer(number)
        } catch {
            throw TransportError(.invalidArgument, "\(error)")
        }
    }

    /// Lets what can go on go on, as long as something has not come about.
    private func settle(until isDone: () -> Bool) async {
        for _ in 0..<10_000 where !isDone() { await Task.yield() }
    }

    private func end(_ node: PeerNode, _ tasks: [Task<TransportError?, Never>]) async {
        transport.outcome.set(TransportError(.connectionRefused, "nobody is there"))
        for task in tasks { _ = await task.value }
        await node.shutdown()
    }

    /// Somebody was lied to about where a peer is, and dials it there; somebody else knows better.
    @Test(arguments: [true, false])
    func r20ARunningDialTakesTheAddressesOfALaterCaller(first: Bool) async throws {
        let node = try node()
        // More lies than are tried at once, all of which hang.
        let lies = try (1...12).map { try place($0) }
        let right = try place(99)
        let liar = start(node, 5, lies, first)
        await transport.waitUntilBegun(1)
        let other = start(node, 5, [right], false)
        await settle { transport.addresses.contains(right) }
        #expect(transport.addresses.contains(right), "\(transport.addresses)")
        await end(node, [liar, other])
        #expect(transport.addresses.filter { $0 == right }.count == 1, "once")
    }

    /// What strangers make a node dial keeps nobody out whom it wants.
    @Test func r20WantedDialsHaveTheirPlaces() async throws {
        let node = try node { $0.maximumDials = 8 }
        var tasks: [Task<TransportError?, Never>] = []
        for number in UInt8(10)..<30 { tasks.append(start(node, number, [try place(Int(number))], true)) }
        await settle { transport.begun >= 8 }
        let wanted = try (100..<108).map { try place($0) }
        for (index, place) in wanted.enumerated() { tasks.append(start(node, UInt8(100 + index), [place], false)) }
        await settle { wanted.allSatisfy(transport.addresses.contains) }
        #expect(wanted.allSatisfy(transport.addresses.contains), "\(transport.addresses)")
        #expect(node.state.withLock { $0.dials.count } <= 8)
        await end(node, tasks)
    }

    /// A quarter is theirs from the beginning.
    @Test func r20UnwantedDialsHaveAShare() async throws {
        let node = try node { $0.maximumDials = 8 }
        var tasks: [Task<TransportError?, Never>] = []
        for number in UInt8(10)..<30 { tasks.append(start(node, number, [try place(Int(number))], true)) }
        await settle { transport.begun >= 8 }
        #expect(node.state.withLock { $0.dials.count } == 6)
        await end(node, tasks)
    }

    @Test func r20ADialThatNobodyWaitsForEnds() async throws {
        let node = try node()
        let place = try place(1)
        let (one, two) = (start(node, 5, [place], false), start(node, 5, [place], false))
        await transport.waitUntilBegun(1)
        let dial = try #require(node.state.withLock { $0.dials.values.first?.outcome })
        while dial.waiting < 2 { await Task.yield() }
        one.cancel()
        #expect(await one.value?.code == .cancelled)
        #expect(transport.wasCancelled.value == nil, "somebody waits")
        two.cancel()
        #expect(await two.value?.code == .cancelled)
        await settle { transport.wasCancelled.value != nil }
        #expect(transport.wasCancelled.value != nil)
        #expect(node.state.withLock { $0.dials.isEmpty })
        await end(node, [])
    }

    /// R13: a victim under the names of many peers is not dialled for each of them.
    @Test func r13OneVictimUnderManyNames() async throws {
        let node = try node()
        let victim = try place(1)
        var tasks: [Task<TransportError?, Never>] = []
        for number in UInt8(10)..<50 {
            tasks.append(
                Task {
                    do throws(TransportError) {
                        let request = DialRequest(
                            addresses: [victim], respectsBackoff: true, filter: .any, source: .stranger,
                            isBounded: true)
                        try await node.connect(to: try testPeerOrFail(number), request)
                        return nil
                    } catch {
                        return error
                    }
                })
        }
        await settle { transport.begun >= 5 }
        #expect((1...4).contains(transport.begun), "\(transport.begun)")
        await end(node, tasks)
    }
}
