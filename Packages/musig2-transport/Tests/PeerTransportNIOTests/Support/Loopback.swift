import Multiformats
import NIOCore
import PeerTransport
import PeerTransportNIO

/// A listening transport, and how to reach it.
struct Loopback {
    static let protocolID: ProtocolID = "/test/1.0.0"

    let identity: NodeIdentity
    let transport: TCPTransport
    let listener: any Listener
    let events: EventLog

    var address: Multiaddr { listener.addresses[0] }

    static func listen(
        on address: String = "/ip4/127.0.0.1/tcp/0",
        responders: ResponderRegistry? = nil,
        _ change: (inout TCPTransport.Configuration) -> Void = { _ in }
    ) async throws -> Loopback {
        var configuration = TCPTransport.Configuration()
        change(&configuration)
        let events = EventLog()
        let identity = NodeIdentity.generateEd25519()
        let transport = try TCPTransport(
            identity: identity, configuration: configuration, responders: responders, onEvent: { events.note($0) })
        let listener = try await transport.listen(on: try Multiaddr(address)) { $0 == Self.protocolID }
        return Loopback(identity: identity, transport: transport, listener: listener, events: events)
    }

    /// A connection from a fresh transport, both ends.
    func connect(
        _ change: (inout TCPTransport.Configuration) -> Void = { _ in }
    ) async throws -> (dialed: any Connection, accepted: any Connection) {
        var configuration = TCPTransport.Configuration()
        change(&configuration)
        let dialer = try TCPTransport(identity: .generateEd25519(), configuration: configuration)
        let dialed = try await dialer.dial(address, expecting: identity.peerID) { $0 == Self.protocolID }
        return (dialed, try await accept())
    }

    func accept() async throws -> any Connection {
        guard let connection = try await listener.accept() else { throw Missing("a connection") }
        return connection
    }

    /// A stream on a connection, both ends.
    static func stream(
        from opener: any Connection, to accepter: any Connection
    ) async throws -> (opened: any ByteStream, accepted: any ByteStream) {
        let opened = try await opener.openStream(protocols: [Self.protocolID]).stream
        return (opened, try await Self.acceptStream(accepter))
    }

    static func acceptStream(_ connection: any Connection) async throws -> any ByteStream {
        guard let accepted = try await connection.acceptStream() else { throw Missing("a stream") }
        return accepted.stream
    }

    /// A connection from a peer that can send anything, through the whole handshake.
    func hostile(muxers: [String] = ["/yamux/1.0.0"]) async throws -> (peer: RawPeer, connection: any Connection) {
        let peer = try await RawPeer.connect(to: address)
        if address.components.contains(.ws) { try await peer.openWebSocket() }
        try await peer.secure(.generateEd25519(), muxers: muxers)
        return (peer, try await accept())
    }
}

/// What a transport told of its connections.
final class EventLog: Sendable {
    private let inbox = BoundedInbox<TransportEvent>(capacity: 100_000)

    func note(_ event: TransportEvent) { _ = inbox.push(event) }

    /// Waits for the next event.
    func next() async throws -> TransportEvent {
        guard let event = try await inbox.next() else { throw Missing("an event") }
        return event
    }

    /// Waits for the next connection that came to nothing.
    func failure() async throws -> (stage: TransportEvent.Stage, error: TransportError) {
        while true {
            if case .failed(let stage, let error) = try await next().kind { return (stage, error) }
        }
    }

    /// Waits for the end of a connection that had been established.
    func closed() async throws -> (received: UInt64, sent: UInt64, error: TransportError?) {
        while true {
            if case .closed(_, let received, let sent, let error) = try await next().kind {
                return (received, sent, error)
            }
        }
    }
}

struct Missing: Error, CustomStringConvertible {
    let description: String

    init(_ what: String) {
        description = "expected \(what), found none"
    }
}

extension ByteStream {
    /// Reads until the other side closes its half.
    func readToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await read(upTo: 65_536) { all += bytes }
        return all
    }

    /// Reads exactly so many bytes.
    func read(exactly count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            guard let bytes = try await read(upTo: count - all.count) else { throw Missing("more bytes") }
            all += bytes
        }
        return all
    }
}

/// The error that a piece of work ends with; nil when it succeeds.
func transportError(_ body: () async throws -> Void) async throws -> TransportError? {
    do {
        try await body()
        return nil
    } catch let error as TransportError {
        return error
    }
}

extension TCPTransport {
    /// Waits until no connection is left, finished or not; the time limit of the suite ends it otherwise.
    func connectionsEnded() async {
        while connectionCount > 0 { await Task.yield() }
    }
}
