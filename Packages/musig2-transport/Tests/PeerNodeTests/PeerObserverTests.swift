import Multiformats
import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// Notes all that it is told.
final class NotingObserver: PeerObserver {
    enum Note: Equatable {
        case connected(PeerID)
        case disconnected(PeerID)
        case identified(PeerID, PeerInformation)
        case addresses([Multiaddr])
        case protocols([ProtocolID])
    }

    private let notes = Mutex<[Note]>([])
    private let changed = Event()

    var all: [Note] { notes.withLock { $0 } }

    func note(_ note: Note) {
        notes.withLock { $0.append(note) }
        changed.notify()
    }

    /// Waits until a note satisfies a condition, and returns it.
    func first<Result>(_ condition: (Note) -> Result?) async -> Result? {
        while true {
            if let found = all.lazy.compactMap(condition).first { return found }
            guard await changed.wait() == .notified else { return nil }
        }
    }

    func peerConnected(_ peer: PeerID) { note(.connected(peer)) }
    func peerDisconnected(_ peer: PeerID) { note(.disconnected(peer)) }
    func peerIdentified(_ peer: PeerID, _ information: PeerInformation) { note(.identified(peer, information)) }
    func addressesChanged(_ addresses: [Multiaddr]) { note(.addresses(addresses)) }
    func protocolsChanged(_ protocols: [ProtocolID]) { note(.protocols(protocols)) }
}

/// Sends everything back, and `!` at the end.
private final class Echo: StreamResponder {
    func receive(_ bytes: [UInt8]) -> ResponderAction { bytes == [0] ? .reset : .send(bytes) }
    func receiveEnd() -> ResponderAction { .finish([UInt8(ascii: "!")]) }
}

/// Says all it has at once.
private final class Greeter: StreamResponder {
    func begin() -> ResponderAction { .finish([7]) }
    func receive(_ bytes: [UInt8]) -> ResponderAction { .reset }
    func receiveEnd() -> ResponderAction { .reset }
}

@Suite struct PeerObserverTests {
    private let nodes = TestNodes()

    @Test func anObserverIsToldWhatHappensUntilItIsRemoved() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        let observer = NotingObserver()
        let id = one.addObserver(observer)
        let before = one.protocols
        try one.respond(to: ["/echo"], name: "echo") { _ in Echo() }
        #expect(one.protocols == ["/echo"] + before)
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        let information = await observer.first { note in
            if case .identified(two.localPeer, let information) = note { information } else { nil }
        }
        #expect(one.information(of: two.localPeer) == information)
        await one.disconnect(two.localPeer)
        #expect(one.information(of: two.localPeer) == nil)
        one.removeObserver(id)
        one.unregister(["/echo"])
        #expect(
            observer.all == [
                .protocols(["/echo"] + before), .connected(two.localPeer),
                .identified(two.localPeer, try #require(information)), .disconnected(two.localPeer),
            ]
        )
    }

    @Test func aResponderAnswersStreams() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        try two.respond(to: ["/echo"], name: "echo") { context in
            #expect(context.protocolID == "/echo" && context.remotePeer == one.localPeer)
            return Echo()
        }
        try two.respond(to: ["/nobody"], name: "nobody") { _ in nil }
        let error = #expect(throws: TransportError.self) { try two.respond(to: ["/echo"], name: "b") { _ in nil } }
        #expect(error?.message == "handler b: [/echo] is served by handler echo already")
        try await one.connect(to: two.localPeer, addresses: two.addresses)

        let opened = try await one.openStream(to: two.localPeer, protocols: ["/echo"])
        try await opened.stream.write([1, 2])
        #expect(try await opened.stream.read(upTo: 9) == [1, 2])
        try await opened.stream.closeWrite()
        #expect(try await opened.stream.read(upTo: 9) == [UInt8(ascii: "!")])
        #expect(try await opened.stream.read(upTo: 9) == nil)

        try two.respond(to: ["/hello"], name: "hello") { _ in Greeter() }
        let greeted = try await one.openStream(to: two.localPeer, protocols: ["/hello"])
        #expect(try await greeted.stream.read(upTo: 9) == [7])
        #expect(try await greeted.stream.read(upTo: 9) == nil)

        let other = try await one.openStream(to: two.localPeer, protocols: ["/echo"])
        try await other.stream.write([0])
        await #expect(throws: TransportError(.streamReset, "")) { try await other.stream.read(upTo: 9) }
        let third = try await one.openStream(to: two.localPeer, protocols: ["/nobody"])
        await #expect(throws: TransportError(.streamReset, "")) { try await third.stream.read(upTo: 9) }
    }
}
