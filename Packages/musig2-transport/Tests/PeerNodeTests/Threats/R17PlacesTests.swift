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

    private func table(_ change: (inout PeerNode.Configuration) -> Void = { _ in }) throws -> ConnectionTable {
        var configuration = PeerNode.Configuration()
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
        _ table: inout ConnectionTable, _ connection: any Connection, at now: Duration,
        _ priorities: ConnectionPriorities
    ) -> Bool {
        guard table.admits(connection, at: now, priorities: priorities) else { return false }
        if let victim = table.victim(for: connection, at: now, grace: Self.grace, priorities: priorities) {
            _ = table.remove(victim.id)
        }
        if case .refused = table.add(connection, at: now, priorities: priorities) { return false }
        return true
    }

    /// Fills all places from nine networks, with a stream on each connection that is never let go.
    private func filled(_ table: inout ConnectionTable, _ priorities: ConnectionPriorities) throws {
        for number in 0..<200 {
            let address = "/ip6/2001:db8:\(1 + number % 9):\(String(number, radix: 16))::1/tcp/4001"
            let connection = try connection(number, address)
            guard isLetIn(&table, connection, at: .seconds(number), priorities),
                let id = table.current(to: connection.remotePeer)?.id
            else { continue }
            table.lease(id, at: .seconds(number))
            _ = table.serve(id, limit: 9, isAnswered: false)
        }
    }

    @Test func r17SilentStreamsGiveWay() throws {
        var table = try table { $0.maximumConnectionsPerNetwork = 128 }
        let priorities = ConnectionPriorities()
        try filled(&table, priorities)
        for number in 0..<20 {
            let honest = try connection(1_000 + number, "/ip4/203.0.\(number).1/tcp/4001")
            #expect(isLetIn(&table, honest, at: .seconds(300 + number), priorities), "\(number)")
        }
        // Those stay, whatever else comes from the networks that have most.
        for number in 0..<20 {
            _ = isLetIn(
                &table, try connection(2_000 + number, "/ip6/2001:db8:5:\(number)::1/tcp/4001"),
                at: .seconds(400 + number), priorities)
        }
        for number in 0..<20 { #expect(table.current(to: try peer(1_000 + number)) != nil) }
    }

    @Test func r17AProtectedPeerAlwaysGetsIn() throws {
        var table = try table { $0.maximumConnectionsPerNetwork = 128 }
        var priorities = ConnectionPriorities()
        // Every connection from a network of its own, in use: nobody has more than others.
        for number in 0..<100 {
            let connection = try connection(number, "/ip4/203.\(number).0.1/tcp/4001")
            guard isLetIn(&table, connection, at: .zero, priorities),
                let id = table.current(to: connection.remotePeer)?.id
            else { continue }
            table.lease(id, at: .zero)
            _ = table.serve(id, limit: 9, isAnswered: false)
        }
        for number in 0..<30 {
            let signer = try connection(1_000 + number, "/ip4/198.51.\(number).1/tcp/4001")
            #expect(!isLetIn(&table, signer, at: .seconds(1), priorities))
            _ = priorities.protect(signer.remotePeer, for: "co-signer")
            #expect(isLetIn(&table, signer, at: .seconds(1), priorities), "\(number)")
        }
        for number in 0..<30 { #expect(table.current(to: try peer(1_000 + number)) != nil) }
    }

    /// One address takes all that its network may have, and comes as often as it can.
    @Test func r17OneAddressDoesNotLockOutItsNetwork() throws {
        var table = try table()
        let priorities = ConnectionPriorities()
        for number in 0..<100 {
            let loud = try connection(number, "/ip4/66.6.6.6/tcp/\(4_000 + number)")
            guard isLetIn(&table, loud, at: .zero, priorities), let id = table.current(to: loud.remotePeer)?.id else {
                continue
            }
            table.lease(id, at: .zero)
        }
        var admitted = 0
        for number in 0..<50 {
            let neighbor = try connection(1_000 + number, "/ip4/66.6.6.\(10 + number % 5)/tcp/4001")
            if isLetIn(&table, neighbor, at: .seconds(5 + number), priorities) { admitted += 1 }
        }
        #expect(admitted >= 40, "\(admitted)")
    }

    private func add(
        _ table: inout ConnectionTable, _ number: Int, isInbound: Bool = true, _ priorities: ConnectionPriorities
    ) throws -> ConnectionTable.Entry? {
        let connection = StubConnection(
            localPeer: try testPeer(0), remotePeer: try peer(number),
            remoteAddress: try Multiaddr("/ip4/203.\(number).0.1/tcp/4001"), isInbound: isInbound)
        _ = table.add(connection, at: .zero, priorities: priorities)
        return table.current(to: connection.remotePeer)
    }

    /// All places are taken by connections of this node's own choice; those of a co-signer count for more, both ways.
    @Test(arguments: [true, false]) func r17AProtectedPeerGetsInWhenAllWereDialled(isInbound: Bool) throws {
        var table = try table()
        var priorities = ConnectionPriorities()
        for number in 0..<100 {
            let id = try add(&table, number, isInbound: false, priorities)?.id
            table.lease(try #require(id), at: .zero)
        }
        #expect(table.isFull)
        let signer = StubConnection(
            localPeer: try testPeer(0), remotePeer: try peer(1_000),
            remoteAddress: try Multiaddr("/ip4/198.51.100.1/tcp/4001"), isInbound: isInbound)
        #expect(!isLetIn(&table, signer, at: .seconds(1), priorities))
        _ = priorities.protect(signer.remotePeer, for: "co-signer")
        #expect(isLetIn(&table, signer, at: .seconds(1), priorities))
        #expect(table.entries.count == 100, "one of the others has gone")
    }

    /// Nobody can go: there is a quarter more for protected peers, and no more.
    @Test func r17AProtectedPeerGetsInBesideOthers() throws {
        var table = try table()
        var priorities = ConnectionPriorities()
        var admitted = 0
        for number in 0..<130 {
            let signer = try connection(number, "/ip4/203.\(number).0.1/tcp/4001")
            _ = priorities.protect(signer.remotePeer, for: "co-signer")
            if isLetIn(&table, signer, at: .seconds(number), priorities) { admitted += 1 }
        }
        #expect(admitted == 125 && table.entries.count == 125)
    }

    /// Everybody has one connection and a stream on it: streams that say nothing go first, frames keep a connection.
    @Test func r17AStrangersStreamIsNoUse() throws {
        var table = try table()
        let priorities = ConnectionPriorities()
        for number in 0..<75 {
            let entry = try #require(try add(&table, number, priorities))
            table.lease(entry.id, at: nil)
            _ = table.serve(entry.id, limit: 9, isAnswered: false)
            if number < 30 { entry.activity.noteFrame(at: .seconds(50)) }
        }
        var admitted = 0
        for number in 0..<60 {
            let newcomer = try connection(1_000 + number, "/ip4/198.\(number).1.1/tcp/4001")
            if isLetIn(&table, newcomer, at: .seconds(60), priorities) { admitted += 1 }
        }
        #expect(admitted == 45, "as many as are silent")
        for number in 0..<30 { #expect(table.current(to: try peer(number)) != nil, "\(number)") }
    }

    /// An honest client that is answered all the time is no less than streams that were just opened.
    @Test func r17WhoIsAnsweredStays() throws {
        var table = try table()
        let priorities = ConnectionPriorities()
        let client = try #require(try add(&table, 0, priorities))
        for number in 1..<75 {
            let entry = try #require(try add(&table, number, priorities))
            table.lease(entry.id, at: nil)
            _ = table.serve(entry.id, limit: 9, isAnswered: false)
        }
        for second in 3..<40 {
            client.activity.noteRequest(at: .seconds(second))
            let newcomer = try connection(1_000 + second, "/ip4/198.\(second).1.1/tcp/4001")
            _ = isLetIn(&table, newcomer, at: .seconds(second), priorities)
            #expect(table.entries[client.id] != nil, "\(second)")
        }
    }

    /// What it says of itself is worth nothing, what it answers something, frames more.
    @Test func r17FramesAreWorthMoreThanAnswers() throws {
        var table = try table {
            $0.trimConnectionsAbove = 2
            $0.trimConnectionsTo = 1
        }
        var priorities = ConnectionPriorities()
        let (server, signer) = (
            try #require(try add(&table, 1, priorities)), try #require(try add(&table, 2, priorities))
        )
        let stranger = try #require(try add(&table, 3, priorities))
        _ = priorities.tag(server.connection.remotePeer, weight: 10, for: "dht")
        signer.activity.noteFrame(at: .seconds(90))
        #expect(table.surplus(at: .seconds(100), priorities: priorities).map(\.id) == [stranger.id, server.id])
    }
}
