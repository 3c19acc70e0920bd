import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// A transport on which nobody is ever reached.
private final class FailingTransport: Transport {
    private let error: TransportError
    private let dialled = Mutex<[Multiaddr]>([])

    init(_ code: TransportError.Code) { error = TransportError(code, "failing") }

    var all: [Multiaddr] { dialled.withLock { $0 } }

    func canDial(_ address: Multiaddr) -> Bool { true }

    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection {
        dialled.withLock { $0.append(address) }
        throw error
    }

    func listen(on address: Multiaddr, accepting: @escaping ProtocolFilter) async throws(TransportError) -> any Listener
    {
        throw error
    }
}

@Suite struct DialingTests {
    private let peer: PeerID

    init() throws {
        peer = try testPeer(2)
    }

    private func addresses(_ texts: [String]) throws -> [Multiaddr] { try texts.map { try Multiaddr($0) } }

    @Test func kindsTakeTurns() throws {
        let given = try addresses([
            "/ip4/1.0.0.1/tcp/1", "/ip4/1.0.0.2/tcp/1", "/ip4/1.0.0.3/tcp/1", "/ip6/2001:db8::1/tcp/1",
            "/ip4/1.0.0.1/tcp/2/ws", "/ip6/2001:db8::2/tcp/1", "/dns4/a.example/tcp/1",
        ])
        let ordered = AddressOrder.alternating(given) { $0 }
        #expect(ordered == [0, 3, 4, 6, 1, 5, 2].map { given[$0] })
        #expect(AddressOrder.alternating(Array(given[..<3])) { $0 } == Array(given[..<3]))
        #expect(AddressOrder.alternating([]) { $0 }.isEmpty)
    }

    @Test func backoffGrowsAndIsForgotten() throws {
        var backoff = DialBackoff()
        let address = try Multiaddr("/ip4/1.0.0.1/tcp/1")
        #expect(backoff.deadline(for: peer, address, at: .zero) == nil)
        var now = Duration.zero
        for delay in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            backoff.noteFailure(peer, address, at: now)
            #expect(backoff.deadline(for: peer, address, at: now) == now + .seconds(delay))
            #expect(backoff.deadline(for: peer, address, at: now + .seconds(delay)) == nil)
            #expect(backoff.deadline(for: try testPeer(3), address, at: now) == nil, "another peer may well be there")
            now += .seconds(delay)
        }
        now += .seconds(1800)
        backoff.noteFailure(peer, address, at: now)
        #expect(backoff.deadline(for: peer, address, at: now) == now + .seconds(2))
        backoff.noteSuccess(peer, address)
        #expect(backoff.deadline(for: peer, address, at: now) == nil && backoff.count == 0)
    }

    @Test func backoffIsBounded() throws {
        var limits = DialBackoffLimits()
        limits.addresses = 8
        var backoff = DialBackoff(limits: limits)
        let many = try (1...100).map { try Multiaddr("/ip4/1.0.0.1/tcp/\($0)") }
        for (index, address) in many.enumerated() {
            backoff.noteFailure(peer, address, at: .milliseconds(index))
            #expect(backoff.count <= 8)
        }
        #expect(backoff.deadline(for: peer, many[99], at: .milliseconds(99)) != nil, "the newest is remembered")
        #expect(backoff.deadline(for: peer, many[0], at: .milliseconds(99)) == nil)
    }

    private func node(
        _ transports: [any Transport],
        _ clock: VirtualClock,
        _ change: (inout PeerNode.Configuration) -> Void = { _ in }
    ) throws -> PeerNode {
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        configuration.identify.isEnabled = false
        change(&configuration)
        return PeerNode(
            localPeer: try testPeer(1), transports: transports, configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func whoeverCanWaitLeavesFailedAddressesAlone() async throws {
        let clock = VirtualClock()
        let transport = FailingTransport(.connectionRefused)
        let node = try node([transport], clock)
        let (one, two) = (try Multiaddr("/ip4/1.0.0.1/tcp/1"), try Multiaddr("/ip4/1.0.0.2/tcp/1"))
        func dial(_ addresses: [Multiaddr], _ respectsBackoff: Bool) async -> TransportError? {
            await #expect(throws: TransportError.self) {
                try await node.connect(to: peer, addresses: addresses, respectsBackoff: respectsBackoff)
            }
        }
        _ = await dial([one], true)
        let patient = await dial([one], true)
        #expect(patient?.code == .backingOff)
        #expect(patient?.message == "peer \(peer): all 1 addresses failed lately; try again in 2.0 seconds")
        #expect(transport.all == [one])
        _ = await dial([one, two], true)
        #expect(transport.all == [one, two], "the other one is free")
        _ = await dial([one, two], false)
        #expect(transport.all == [one, two, one, two], "somebody waits: all are tried")
        clock.advance(by: .seconds(4))
        _ = await dial([one], true)
        #expect(transport.all.count == 5)
    }

    @Test func ownTroubleSaysNothingAboutAnAddress() async throws {
        let transport = FailingTransport(.limitExceeded)
        let node = try node([transport], VirtualClock())
        let address = try Multiaddr("/ip4/1.0.0.1/tcp/1")
        for _ in 0..<2 {
            let error = await #expect(throws: TransportError.self) {
                try await node.connect(to: peer, addresses: [address], respectsBackoff: true)
            }
            #expect(error?.code == .limitExceeded)
        }
        #expect(node.state.withLock { $0.backoff.count } == 0)
    }

    /// A DHT that was lied to dials a peer where it is not, while somebody else knows where it is.
    @Test(arguments: [false, true])
    func whoKnowsOtherAddressesTriesAgain(_ respectsBackoff: Bool) async throws {
        let transport = PendingTransport()
        let node = try node([transport], VirtualClock())
        let (wrong, right) = (try Multiaddr("/ip4/192.0.2.1/tcp/1"), try Multiaddr("/ip4/192.0.2.2/tcp/1"))
        func start(_ address: Multiaddr, _ respectsBackoff: Bool) -> Task<TransportError?, Never> {
            Task {
                await #expect(throws: TransportError.self) {
                    try await node.connect(to: peer, addresses: [address], respectsBackoff: respectsBackoff)
                }
            }
        }
        let first = start(wrong, respectsBackoff)
        await transport.waitUntilBegun(1)
        let others = [start(wrong, true), start(right, false)]
        let dial = try #require(node.state.withLock { $0.dials[peer]?.outcome })
        while dial.waiting < 3 { await Task.yield() }
        transport.outcome.set(TransportError(.connectionRefused, "nobody is there"))
        for task in [first] + others { #expect(await task.value?.code == .connectionRefused) }
        #expect(transport.addresses.filter { $0 == right } == [right], "once, by the one who knows it")
        #expect(transport.addresses.first == wrong)
    }

    /// Of many addresses that hang, only so many are tried at once.
    @Test func attemptsAtOnceAreBounded() async throws {
        let clock = VirtualClock()
        let transport = PendingTransport()
        let node = try node([transport], clock) { $0.maximumParallelAttempts = 3 }
        let many = try (1...10).map { try Multiaddr("/ip4/192.0.2.\($0)/tcp/1") }
        let dial = Task { try await node.connect(to: peer, addresses: many) }
        for expected in 1...3 {
            await transport.waitUntilBegun(expected)
            await clock.waitUntilScheduled(2)
            clock.advance(by: .milliseconds(250))
        }
        clock.advance(by: .seconds(30))
        let error = await #expect(throws: TransportError.self) { try await dial.value }
        #expect(error?.code == .timedOut)
        #expect(transport.begun == 3)
    }

    @Test(arguments: [
        ("/ip4/8.8.8.8/tcp/1", [AddressFilter.any, .public]), ("/ip4/10.0.0.1/tcp/1", [.any, .private]),
        ("/ip4/203.0.113.7/tcp/1", [.any]), ("/ip6/64:ff9b::a00:1/tcp/1", [.any, .private]),
        ("/ip4/127.0.0.1/tcp/1", [.any, .private, .loopback]), ("/ip6/fd00::1/tcp/1", [.any, .private]),
        ("/dns4/a.example/tcp/1", [.any, .public]), ("/ip4/0.0.0.0/tcp/1", []), ("/ip4/255.255.255.255/tcp/1", []),
        ("/ip4/8.8.8.8/tcp/0", []), ("/ip6/ff02::1/tcp/1", []), ("/ip6/fe80::1/tcp/1", []), ("/memory/0", []),
        ("/memory/5", [.any, .private, .loopback]),
    ])
    func filters(_ text: String, _ allowing: [AddressFilter]) throws {
        let address = try Multiaddr(text)
        for filter in AddressFilter.allCases { #expect(filter.allows(address) == allowing.contains(filter)) }
    }
}
