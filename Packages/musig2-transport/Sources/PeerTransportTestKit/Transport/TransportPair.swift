public import Multiformats
public import PeerTransport

/// Two transports that can reach each other, made anew for each case of a ``TransportConformance``.
public struct TransportPair: Sendable {
    /// The one that listens.
    public var listening: any Transport

    /// The peer that the listening transport proves.
    public var listeningPeer: PeerID

    /// Where it listens; with port 0, or what stands for it, so that cases do not disturb each other.
    public var listenAddress: Multiaddr

    /// The one that dials.
    public var dialing: any Transport

    /// The peer that the dialling transport proves.
    public var dialingPeer: PeerID

    /// Joins two transports.
    ///
    /// - Parameters:
    ///   - listening: The one that listens.
    ///   - listeningPeer: The peer that it proves to be.
    ///   - listenAddress: Where it listens.
    ///   - dialing: The one that dials.
    ///   - dialingPeer: The peer that it proves to be.
    public init(
        listening: any Transport,
        listeningPeer: PeerID,
        listenAddress: Multiaddr,
        dialing: any Transport,
        dialingPeer: PeerID
    ) {
        self.listening = listening
        self.listeningPeer = listeningPeer
        self.listenAddress = listenAddress
        self.dialing = dialing
        self.dialingPeer = dialingPeer
    }
}

/// A listener, a connection to it, and both its ends.
struct ConnectedPair: Sendable {
    /// The protocol that both sides of a connected pair take.
    static let protocolID: ProtocolID = "/conformance/1.0.0"

    let pair: TransportPair
    let listener: any Listener
    let dialed: any Connection
    let accepted: any Connection

    static func listen(_ pair: TransportPair) async throws -> any Listener {
        try await pair.listening.listen(on: pair.listenAddress, accepting: { $0 == Self.protocolID })
    }

    static func dial(_ pair: TransportPair, _ listener: any Listener) async throws -> any Connection {
        guard let address = listener.addresses.first else {
            throw ConformanceFailure(caseName: "", message: "the listener has no address")
        }
        return try await pair.dialing.dial(
            address,
            expecting: pair.listeningPeer,
            accepting: { $0 == Self.protocolID }
        )
    }

    static func accept(_ listener: any Listener) async throws -> any Connection {
        guard let connection = try await listener.accept() else {
            throw ConformanceFailure(caseName: "", message: "accept() returned nil, expected a connection")
        }
        return connection
    }

    static func make(_ pair: TransportPair) async throws -> ConnectedPair {
        let listener = try await listen(pair)
        let dialed = try await dial(pair, listener)
        let accepted = try await accept(listener)
        return ConnectedPair(pair: pair, listener: listener, dialed: dialed, accepted: accepted)
    }

    func close() async {
        await dialed.close()
        await accepted.close()
        await listener.close()
    }

    /// Opens a stream from the dialling side and returns both its ends.
    func streams() async throws -> (opened: any ByteStream, taken: any ByteStream) {
        try await Self.streams(from: dialed, to: accepted)
    }

    /// Opens a stream; its first byte makes sure that both ends are of the same one.
    static func streams(
        from opener: any Connection,
        to taker: any Connection
    ) async throws -> (opened: any ByteStream, taken: any ByteStream) {
        let opened = try await opener.openStream(protocols: [protocolID])
        try require(opened.protocolID == protocolID, "expected \(protocolID), found \(opened.protocolID)")
        try await opened.stream.write([0x42])
        let taken = try await take(from: taker)
        let first = try await taken.readExactly(1)
        try require(first == [0x42], "expected the first byte 0x42, found \(first)")
        return (opened.stream, taken)
    }

    static func take(from connection: any Connection) async throws -> any ByteStream {
        guard let taken = try await connection.acceptStream() else {
            throw ConformanceFailure(caseName: "", message: "acceptStream() returned nil, expected a stream")
        }
        try require(taken.protocolID == protocolID, "expected \(protocolID), found \(taken.protocolID)")
        return taken.stream
    }
}
