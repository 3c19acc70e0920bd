import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// A listener whose addresses are what a test says.
private final class MovingTransport: Transport, Listener {
    private let current: Mutex<[Multiaddr]>
    private let end = OneShot<Void>()

    init(_ addresses: [Multiaddr]) { current = Mutex(addresses) }

    func move(to addresses: [Multiaddr]) { current.withLock { $0 = addresses } }

    var addresses: [Multiaddr] { current.withLock { $0 } }

    func canDial(_ address: Multiaddr) -> Bool { true }

    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection {
        throw TransportError(.unreachable, "moving")
    }

    func listen(on address: Multiaddr, accepting: @escaping ProtocolFilter) async throws(TransportError) -> any Listener
    {
        self
    }

    func accept() async throws(TransportError) -> (any Connection)? {
        _ = await end.wait()
        return nil
    }

    func close() async { end.set(()) }
}

@Suite struct AddressWatchTests {
    /// Whoever listens on all interfaces tells of it when their addresses change.
    @Test func aMoveIsNoticed() async throws {
        let clock = VirtualClock()
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        let everywhere = try Multiaddr("/ip4/0.0.0.0/tcp/4001")
        let transport = MovingTransport([everywhere])
        let node = PeerNode(
            localPeer: try testPeer(1), transports: [transport], configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let observer = NotingObserver()
        node.addObserver(observer)
        try await node.listen(on: [everywhere])
        let before = observer.all.count
        await clock.waitUntilScheduled()
        clock.advance(by: .seconds(30))
        await clock.waitUntilScheduled()
        #expect(observer.all.count == before, "nothing has changed")
        let elsewhere = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
        transport.move(to: [elsewhere])
        clock.advance(by: .seconds(30))
        let told: [Multiaddr]? = await observer.first { note in
            if case .addresses(let addresses) = note, addresses.contains(elsewhere) { addresses } else { nil }
        }
        #expect(told == [elsewhere])
        await node.shutdown()
    }
}
