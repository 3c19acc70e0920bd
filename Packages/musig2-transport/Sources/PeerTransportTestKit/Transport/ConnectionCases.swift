import Multiformats
import PeerTransport

/// The peer at the other end, and how connections begin and end.
enum ConnectionCases {
    static let all: [NamedCase<TransportPair>] = [
        NamedCase("peerIdentity", peerIdentity),
        NamedCase("wrongPeerIsRefused", wrongPeerIsRefused),
        NamedCase("nobodyListens", nobodyListens),
        NamedCase("addressInUse", addressInUse),
        NamedCase("severalConnections", severalConnections),
        NamedCase("listenerCloses", listenerCloses),
        NamedCase("connectionCloses", connectionCloses),
        NamedCase("closeWhileBusy", closeWhileBusy),
    ]

    private static func peerIdentity(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        for (name, connection, local, remote, isInbound) in [
            ("dialling", link.dialed, pair.dialingPeer, pair.listeningPeer, false),
            ("listening", link.accepted, pair.listeningPeer, pair.dialingPeer, true),
        ] {
            try require(
                connection.localPeer == local,
                "\(name) side: expected local peer \(local), found \(connection.localPeer)"
            )
            try require(
                connection.remotePeer == remote,
                "\(name) side: expected remote peer \(remote), found \(connection.remotePeer)"
            )
            try require(connection.isInbound == isInbound, "\(name) side: isInbound is \(connection.isInbound)")
        }
        for address in link.listener.addresses {
            try require(pair.dialing.canDial(address), "canDial is false for the listener's own address \(address)")
            try require(
                address.peerID == pair.listeningPeer,
                "expected a listener address that ends in /p2p/\(pair.listeningPeer), found \(address)"
            )
        }
        await link.close()
    }

    private static func wrongPeerIsRefused(_ pair: TransportPair) async throws {
        let listener = try await ConnectedPair.listen(pair)
        guard let address = listener.addresses.first?.withoutPeerID else {
            throw ConformanceFailure(caseName: "", message: "the listener has no address")
        }
        let dialing = pair.dialing
        let wrong = pair.dialingPeer
        try await requireError(.peerMismatch, from: "dial expecting the wrong peer") { () throws(TransportError) in
            try await dialing.dial(address, expecting: wrong, accepting: { _ in false })
        }
        let connection = try await ConnectedPair.dial(pair, listener)
        await connection.close()
        await listener.close()
    }

    private static func nobodyListens(_ pair: TransportPair) async throws {
        let listener = try await ConnectedPair.listen(pair)
        guard let address = listener.addresses.first else {
            throw ConformanceFailure(caseName: "", message: "the listener has no address")
        }
        await listener.close()
        let (dialing, peer) = (pair.dialing, pair.listeningPeer)
        try await requireError(.connectionRefused, .unreachable, from: "dial") { () throws(TransportError) in
            try await dialing.dial(address, expecting: peer, accepting: { _ in false })
        }
    }

    private static func addressInUse(_ pair: TransportPair) async throws {
        let listener = try await ConnectedPair.listen(pair)
        guard let address = listener.addresses.first?.withoutPeerID else {
            throw ConformanceFailure(caseName: "", message: "the listener has no address")
        }
        let listening = pair.listening
        try await requireError(.addressInUse, from: "a second listen(on:)") { () throws(TransportError) in
            try await listening.listen(on: address, accepting: { _ in false })
        }
        await listener.close()
    }

    private static func severalConnections(_ pair: TransportPair) async throws {
        let first = try await ConnectedPair.make(pair)
        let dialed = try await ConnectedPair.dial(pair, first.listener)
        let accepted = try await ConnectedPair.accept(first.listener)
        await first.dialed.close()
        _ = await first.accepted.closed()
        let (opened, taken) = try await ConnectedPair.streams(from: dialed, to: accepted)
        try await taken.write([7])
        let answer = try await opened.readExactly(1)
        try require(answer == [7], "expected [7], found \(answer)")
        await dialed.close()
        await accepted.close()
        await first.close()
    }

    private static func listenerCloses(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let listener = link.listener
        let waiting = Task { try await listener.accept() == nil }
        await listener.close()
        await listener.close()
        try require(try await waiting.value, "accept() returned a connection after close()")
        let afterwards = try await listener.accept()
        try require(afterwards == nil, "accept() returned a connection after close()")
        let (opened, taken) = try await link.streams()
        try await opened.write([1, 2, 3])
        let bytes = try await taken.readExactly(3)
        try require(bytes == [1, 2, 3], "connections must outlive their listener: expected [1, 2, 3], found \(bytes)")
        await link.close()
    }

    private static func connectionCloses(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (dialed, accepted) = (link.dialed, link.accepted)
        async let reason = accepted.closed()
        let waiting = Task { try await accepted.acceptStream() == nil }
        await dialed.close()
        await dialed.close()
        let found = await reason
        try require(
            found == nil, "closed() after a close in good order: expected nil, found \(String(describing: found))")
        try require(try await waiting.value, "acceptStream() returned a stream after the connection was closed")
        for connection in [dialed, accepted] {
            try await requireError(.connectionClosed, from: "openStream after close") { () throws(TransportError) in
                try await connection.openStream(protocols: [ConnectedPair.protocolID])
            }
        }
        await link.close()
    }

    private static func closeWhileBusy(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let chunk = pattern(count: 64 << 10, seed: 1)
        var waiting: [Task<TransportError?, Never>] = []
        for _ in 0..<8 {
            let (opened, taken) = try await link.streams()
            // This end writes until it is full, and waits for bytes that never come.
            let write: @Sendable () async throws(TransportError) -> Void = { () async throws(TransportError) in
                while true { try await opened.write(chunk) }
            }
            let read: @Sendable () async throws(TransportError) -> Void = { () async throws(TransportError) in
                _ = try await opened.read(upTo: 1)
            }
            waiting.append(Task { await failure(write) })
            waiting.append(Task { await failure(read) })
            _ = try await taken.readExactly(100_000)
        }
        await link.accepted.close()
        for task in waiting {
            let error = await task.value
            try require(
                error?.code == .connectionClosed || error?.code == .streamReset,
                "a waiting call at close: expected connectionClosed or streamReset, found \(String(describing: error))"
            )
        }
        _ = await link.dialed.closed()
        await link.close()
    }

    private static func failure(_ body: () async throws(TransportError) -> Void) async -> TransportError? {
        do throws(TransportError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }
}
