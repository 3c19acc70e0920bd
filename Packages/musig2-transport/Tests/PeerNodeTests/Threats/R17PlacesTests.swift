import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

/// R17: streams that say nothing, from many networks; one address against its neighbors.
@Suite struct R17PlacesTests {
    private struct StubConnection: Connection {
        var localPeer: PeerID
        var remotePeer: PeerID
        var remoteAddress: Multiaddr
        var isInbound: Bool

        func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
            throw TransportError(.connectionClosed, "stub")
        }
        func acceptStream() async throws(TransportError) -> NegotiatedStream? { nil }
        func close() async {}
        func closed() async -> TransportError? { nil }
    }

    private static let grace: Duration = .seconds(2)

    private func table(_ change: (inout PeerNodeConfiguration) -> Void = { _ in }) throws -> ConnectionTable {
        var configuration = PeerNodeConfiguration()
        configuration.maximumConnections = 100
        configuration.maximumConnectionsPerNetwork = 10
        change(&configuration)
        return ConnectionTable(local: try testPeer(0), limits: ConnectionLimits(configuration))
    }

    private func peer(_ number: Int) throws -> PeerID {
        let key = [UInt8](repeating: 3, count: 30) + [UInt8(number >> 8), UInt8(number & 255)]
        return try PeerID(publicKey: try PublicKeyProtobuf(type: .ed25519, data: key))
    }

    private func connection(_ number: Int, _ address: String) throws -> any Connection {
        StubConnection(
            localPeer: try testPeer(0), remotePeer: try peer(number), remoteAddress: try Multiaddr(address),
            isInbound: true)
    }

    /// What the node does with a connection that comes in: whoever has to go goes.
    private func isLetIn(
        _ table: inout ConnectionTable, _ connection: any Connection, at now: Duration, _ values: PeerValues
    ) -> Bool {
        guard table.admits(connection, at: now, values: values) else { return false }
        if let victim = table.victim(for: connection, at: now, grace: Self.grace, values: values) {
            _ = table.remove(victim.id)
        }
        if case .refused = table.add(connection, at: now, values: values) { return false }
        return true
    }

    /// Fills all places from nine networks, with a stream on each connection that is never let go.
    private func filled(_ table: inout ConnectionTable, _ values: PeerValues) throws {
        for number in 0..<200 {
            let address = "/ip6/2001:db8:\(1 + number % 9):\(String(number, radix: 16))::1/tcp/4001"
            let connection = try connection(number, address)
            guard isLetIn(&table, connection, at: .seconds(number), values),
                let id = table.current(to: connection.remotePeer)?.id
            else { continue }
            table.lease(id, at: .seconds(number))
            _ = table.serve(id, limit: 9, isAnswered: false)
        }
    }

    @Test func r17SilentStreamsGiveWay() throws {
        var table = try table { $0.maximumConnectionsPerNetwork = 128 }
        let values = PeerValues()
        try filled(&table, values)
        for number in 0..<20 {
            let honest = try connection(1_000 + number, "/ip4/203.0.\(number).1/tcp/4001")
            #expect(isLetIn(&table, honest, at: .seconds(300 + number), values), "\(number)")
        }
        // Those stay, whatever else comes from the networks that have most.
        for number in 0..<20 {
            _ = isLetIn(
                &table, try connection(2_000 + number, "/ip6/2001:db8:5:\(number)::1/tcp/4001"),
                at: .seconds(400 + number), values)
        }
        for number in 0..<20 { #expect(table.current(to: try peer(1_000 + number)) != nil) }
    }

    @Test func r17AProtectedPeerAlwaysGetsIn() throws {
        var table = try table { $0.maximumConnectionsPerNetwork = 128 }
        var values = PeerValues()
        // Every connection from a network of its own, in use: nobody has more than others.
        for number in 0..<100 {
            let connection = try connection(number, "/ip4/203.\(number).0.1/tcp/4001")
            guard isLetIn(&table, connection, at: .zero, values),
                let id = table.current(to: connection.remotePeer)?.id
            else { continue }
            table.lease(id, at: .zero)
            _ = table.serve(id, limit: 9, isAnswered: false)
        }
        for number in 0..<30 {
            let signer = try connection(1_000 + number, "/ip4/198.51.\(number).1/tcp/4001")
            #expect(!isLetIn(&table, signer, at: .seconds(1), values))
            _ = values.protect(signer.remotePeer, for: "co-signer")
            #expect(isLetIn(&table, signer, at: .seconds(1), values), "\(number)")
        }
        for number in 0..<30 { #expect(table.current(to: try peer(1_000 + number)) != nil) }
    }

    /// One address takes all that its network may have, and comes as often as it can.
    @Test func r17OneAddressDoesNotLockOutItsNetwork() throws {
        var table = try table()
        let values = PeerValues()
        for number in 0..<100 {
            let loud = try connection(number, "/ip4/66.6.6.6/tcp/\(4_000 + number)")
            guard isLetIn(&table, loud, at: .zero, values), let id = table.current(to: loud.remotePeer)?.id else {
                continue
            }
            table.lease(id, at: .zero)
        }
        var admitted = 0
        for number in 0..<50 {
            let neighbor = try connection(1_000 + number, "/ip4/66.6.6.\(10 + number % 5)/tcp/4001")
            if isLetIn(&table, neighbor, at: .seconds(5 + number), values) { admitted += 1 }
        }
        #expect(admitted >= 40, "\(admitted)")
    }

    private func add(
        _ table: inout ConnectionTable, _ number: Int, isInbound: Bool = true, _ values: PeerValues
    ) throws -> ConnectionTable.Entry? {
        let connection = StubConnection(
            localPeer: try testPeer(0), remotePeer: try peer(number),
            remoteAddress: try Multiaddr("/ip4/203.\(number).0.1/tcp/4001"), isInbound: isInbound)
        _ = table.add(connection, at: .zero, values: values)
        return table.current(to: connection.remotePeer)
    }

    /// All places are taken by connections of this node's own choice; those of a co-signer count for more, both ways.
    @Test(arguments: [true, false]) func r17AProtectedPeerGetsInWhenAllWereDialled(isInbound: Bool) throws {
        var table = try table()
        var values = PeerValues()
        for number in 0..<100 {
            let id = try add(&table, number, isInbound: false, values)?.id
            table.lease(try #require(id), at: .zero)
        }
        #expect(table.isFull)
        let signer = StubConnection(
            localPeer: try testPeer(0), remotePeer: try peer(1_000),
            remoteAddress: try Multiaddr("/ip4/198.51.100.1/tcp/4001"), isInbound: isInbound)
        #expect(!isLetIn(&table, signer, at: .seconds(1), values))
        _ = values.protect(signer.remotePeer, for: "co-signer")
        #expect(isLetIn(&table, signer, at: .seconds(1), values))
        #expect(table.entries.count == 100, "one of the others has gone")
    }

    /// Nobody can go: there is a quarter more for protected peers, and no more.
    @Test func r17AProtectedPeerGetsInBesideOthers() throws {
        var table = try table()
        var values = PeerValues()
        var admitted = 0
        for number in 0..<130 {
            let signer = try connection(number, "/ip4/203.\(number).0.1/tcp/4001")
            _ = values.protect(signer.remotePeer, for: "co-signer")
            if isLetIn(&table, signer, at: .seconds(number), values) { admitted += 1 }
        }
        #expect(admitted == 125 && table.entries.count == 125)
    }

    /// Everybody has one connection and a stream on it: streams that say nothing go first, frames keep a connection.
    @Test func r17AStrangersStreamIsNoUse() throws {
        var table = try table()
        let values = PeerValues()
        for number in 0..<75 {
            let entry = try #require(try add(&table, number, values))
            table.lease(entry.id, at: nil)
            _ = table.serve(entry.id, limit: 9, isAnswered: false)
            if number < 30 { entry.activity.noteFrame(at: .seconds(50)) }
        }
        var admitted = 0
        for number in 0..<60 {
            let newcomer = try connection(1_000 + number, "/ip4/198.\(number).1.1/tcp/4001")
            if isLetIn(&table, newcomer, at: .seconds(60), values) { admitted += 1 }
        }
        #expect(admitted == 45, "as many as are silent")
        for number in 0..<30 { #expect(table.current(to: try peer(number)) != nil, "\(number)") }
    }

    /// An honest client that is answered all the time is no less than streams that were just opened.
    @Test func r17WhoIsAnsweredStays() throws {
        var table = try table()
        let values = PeerValues()
        let client = try #require(try add(&table, 0, values))
        for number in 1..<75 {
            let entry = try #require(try add(&table, number, values))
            table.lease(entry.id, at: nil)
            _ = table.serve(entry.id, limit: 9, isAnswered: false)
        }
        for second in 3..<40 {
            client.activity.noteRequest(at: .seconds(second))
            let newcomer = try connection(1_000 + second, "/ip4/198.\(second).1.1/tcp/4001")
            _ = isLetIn(&table, newcomer, at: .seconds(second), values)
            #expect(table.entries[client.id] != nil, "\(second)")
        }
    }

    /// What it says of itself is worth nothing, what it answers something, frames more.
    @Test func r17FramesAreWorthMoreThanAnswers() throws {
        var table = try table {
            $0.trimConnectionsAbove = 2
            $0.trimConnectionsTo = 1
        }
        var values = PeerValues()
        let (server, signer) = (try #require(try add(&table, 1, values)), try #require(try add(&table, 2, values)))
        let stranger = try #require(try add(&table, 3, values))
        _ = values.set(10, of: server.connection.remotePeer, for: "dht")
        signer.activity.noteFrame(at: .seconds(90))
        #expect(table.surplus(at: .seconds(100), values: values).map(\.id) == [stranger.id, server.id])
    }
}
