import Multiformats
import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

/// What go-libp2p does and other implementations do not, as one sees it on the wire.
@Suite("A peer with the habits of go-libp2p", .serialized, .timeLimit(.minutes(1)))
struct GoPeerTests {
    private static let muxers = ["/yamux/1.0.0", "/mplex/6.7.0"]
    private static let identify: ProtocolID = "/ipfs/id/1.0.0"

    private static func negotiation(_ protocolID: ProtocolID) -> [UInt8] {
        MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode(protocolID.name)
    }

    /// The frames that open a stream with nothing but what the protocol asks for: a window update of no increment, then
    /// the whole negotiation and the first data in one frame, without waiting for anything.
    private static func opening(_ id: UInt32, _ protocolID: ProtocolID, _ data: [UInt8]) -> [UInt8] {
        let body = Self.negotiation(protocolID) + data
        return wire(.windowUpdate, .syn, id, 0) + wire(.data, [], id, UInt32(body.count)) + body
    }

    /// The bodies of a stream until its other side closes its half, and the answers to pings on the way.
    private static func readToEnd(_ peer: RawPeer, _ id: UInt32) async throws -> (bytes: [UInt8], pongs: [UInt32]) {
        var bytes: [UInt8] = []
        var pongs: [UInt32] = []
        while true {
            let (header, body) = try await peer.frame()
            if header.kind == .ping, header.flags == .ack { pongs.append(header.length) }
            guard header.streamID == id else { continue }
            bytes += body
            if header.flags.contains(.fin) { return (bytes, pongs) }
        }
    }

    @Test("it dials: TLS first, a list of muxers, a ping of value 0, then two streams at once that wait for nothing")
    func dials() async throws {
        let loopback = try await Loopback.listen()
        let peer = try await RawPeer.connect(to: loopback.address)
        try await peer.secure(.generateEd25519(), muxers: Self.muxers, refused: "/tls/1.0.0")
        try await peer.sendFrames(
            wire(.ping, .syn, 0, 0) + Self.opening(1, Loopback.protocolID, [1, 2])
                + Self.opening(3, Loopback.protocolID, [3]) + wire(.windowUpdate, .fin, 3, 0))
        let connection = try await loopback.accept()
        let first = try await Loopback.acceptStream(connection)
        let second = try await Loopback.acceptStream(connection)
        #expect(try await first.read(exactly: 2) == [1, 2])
        #expect(try await second.readToEnd() == [3])
        try await second.write([4])
        try await second.closeWrite()
        let answer = try await Self.readToEnd(peer, 3)
        #expect(answer.bytes == Self.negotiation(Loopback.protocolID) + [4])
        #expect(answer.pongs == [0])
        await connection.close()
        await loopback.listener.close()
    }

    @Test("it is dialled: a ping of value 0 and a stream of its own come first, and its answer together with data")
    func isDialled() async throws {
        let (address, accept) = try await RawPeer.listen()
        let identity = NodeIdentity.generateSecp256k1()
        let transport = try TCPTransport(identity: .generateEd25519())
        async let dialling = transport.dial(address, expecting: identity.peerID) { $0 == Self.identify }
        let peer = try await accept()
        try await peer.secure(identity, isInitiator: false, muxers: Self.muxers)
        try await peer.sendFrames(wire(.ping, .syn, 0, 0) + Self.opening(2, Self.identify, []))
        let connection = try await dialling
        let asked = try await Loopback.acceptStream(connection)
        try await asked.write([7])
        try await asked.closeWrite()
        let answer = try await Self.readToEnd(peer, 2)
        #expect(answer.bytes == Self.negotiation(Self.identify) + [7])
        #expect(answer.pongs == [0])

        async let opening = connection.openStream(protocols: [Loopback.protocolID])
        while try await peer.frame().header != YamuxHeader(kind: .windowUpdate, flags: .syn, streamID: 1, length: 0) {}
        let body = Self.negotiation(Loopback.protocolID) + [5, 6]
        try await peer.sendFrames(
            wire(.windowUpdate, .ack, 1, 0) + wire(.data, .fin, 1, UInt32(body.count)) + body)
        #expect(try await opening.stream.readToEnd() == [5, 6])
        await connection.close()
    }
}
