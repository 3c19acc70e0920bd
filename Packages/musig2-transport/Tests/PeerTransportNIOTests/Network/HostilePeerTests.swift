import Multiformats
import NIOCore
import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("Hostile peers, and the reason for which each is cut off", .serialized, .timeLimit(.minutes(2)))
struct HostilePeerTests {
    private static let greeting = bytes(MultistreamFigures.header + MultistreamFigures.noise)
    private static let garbage = [0x01, 0x00] + (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }

    /// A connection of an honest peer goes on working.
    private static func expectAnswers(_ peer: RawPeer) async throws {
        try await peer.sendFrames(wire(.ping, .syn, 0, 9))
        while try await peer.frame().header != YamuxHeader(kind: .ping, flags: .ack, streamID: 0, length: 9) {}
    }

    // MARK: The way to a connection

    /// What a client sends, in plain TCP or inside a WebSocket, and what becomes of it.
    struct Approach: Sendable, CustomTestStringConvertible {
        var name: String
        var address = "/ip4/127.0.0.1/tcp/0"
        var bytes: [UInt8]
        var stage: TransportEvent.Stage
        var code: TransportError.Code
        var message: String

        var testDescription: String { name }
    }

    private static let approaches = [
        Approach(
            name: "garbage to TCP", bytes: garbage, stage: .security, code: .notAPeer,
            message: "multistream header: expected \"/multistream/1.0.0\""),
        Approach(
            name: "garbage to WebSocket", address: "/ip4/127.0.0.1/tcp/0/ws", bytes: garbage, stage: .webSocket,
            code: .notAPeer, message: "WebSocket handshake: expected \"GET \""),
        Approach(
            name: "HTTP to TCP", bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8), stage: .security, code: .notAPeer,
            message: "found \"GET / HTTP/1.1????\""),
        Approach(
            name: "a page wanted of WebSocket", address: "/ip4/127.0.0.1/tcp/0/ws",
            bytes: Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), stage: .webSocket, code: .notAPeer,
            message: "WebSocket handshake: upgrade: expected websocket, found \"\""),
        Approach(
            name: "an endless multistream message", bytes: bytes(MultistreamFigures.header) + [0xff, 0xff, 0xff],
            stage: .security, code: .notAPeer, message: "multistream message is longer than 1024 bytes"),
        Approach(
            name: "65 proposals",
            bytes: bytes(MultistreamFigures.header)
                + (0..<65).flatMap { _ in MultistreamMessage.encode("/tls/1.0.0") },
            stage: .security, code: .protocolNotSupported,
            message: "the peer proposed more than 64 protocols that are not spoken here"),
        Approach(
            name: "garbage for Noise", bytes: greeting + garbage, stage: .handshake, code: .securityFailed,
            message: "Noise handshake message 1: expected 32 bytes, found 256"),
        Approach(
            name: "an empty Noise message", bytes: greeting + [0, 0], stage: .handshake, code: .securityFailed,
            message: "Noise handshake message 1: expected 32 bytes, found 0"),
        Approach(
            name: "an oversized Noise message",
            bytes: greeting + [0xff, 0xff] + [UInt8](repeating: 1, count: 65_535), stage: .handshake,
            code: .securityFailed, message: "Noise handshake message 1: expected 32 bytes, found 65535"),
        Approach(
            name: "a key of low order", bytes: greeting + [0, 32] + [UInt8](repeating: 0, count: 32),
            stage: .handshake, code: .securityFailed,
            message: "Noise handshake message 1: the public key is of low order"),
        Approach(
            name: "garbage for message 3", bytes: greeting + [0, 32, 9] + [UInt8](repeating: 0, count: 31) + garbage,
            stage: .handshake, code: .securityFailed,
            message: "Noise handshake message 3: the authentication tag does not fit"),
    ]

    @Test(
        "what is wrong on the way to a connection is told with its stage, and nobody else notices",
        arguments: approaches)
    func approach(_ approach: Approach) async throws {
        let loopback = try await Loopback.listen(on: approach.address)
        let (honest, _) = try await loopback.hostile()
        let peer = try await RawPeer.connect(to: loopback.address)
        try await peer.sendPlain(approach.bytes)
        let (stage, error) = try await loopback.events.failure()
        #expect(stage == approach.stage)
        #expect(error.code == approach.code)
        #expect(error.message.contains(approach.message), "\(error.message)")
        _ = try await peer.readToEnd()
        try await Self.expectAnswers(honest)
        #expect(loopback.transport.heldBytes == 0)
        try await honest.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    @Test("garbage instead of a multiplexer, and an identity that did not sign")
    func afterNoise() async throws {
        let loopback = try await Loopback.listen()
        let peer = try await RawPeer.connect(to: loopback.address)
        let identity = NodeIdentity.generateEd25519()
        let forged = NoiseCredentials(publicKey: identity.publicKey, muxers: []) { _ in
            [UInt8](repeating: 7, count: 64)
        }
        // The client is done before the server has looked at it.
        do {
            try await peer.secure(forged)
        } catch is RawPeer.Closed {
            // It was refused in the meantime.
        }
        let (stage, error) = try await loopback.events.failure()
        #expect(stage == .handshake)
        #expect(error.code == .securityFailed)
        #expect(error.message == "Noise handshake payload: the identity key did not sign this Noise static key")
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    @Test("a dial that meets something else is told so, with the stage", arguments: ["", "/ws"])
    func dialled(_ suffix: String) async throws {
        let (address, accept) = try await RawPeer.listen()
        let events = EventLog()
        let transport = try TCPTransport(identity: .generateEd25519(), onEvent: { events.note($0) })
        let target = try Multiaddr(address.description + suffix)
        async let dialing = transportError { _ = try await transport.dial(target, expecting: nil) { _ in false } }
        let peer = try await accept()
        _ = try await peer.read()
        try await peer.sendPlain(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8))
        #expect(try await dialing?.code == .notAPeer)
        #expect(try await events.failure().stage == (suffix.isEmpty ? .security : .webSocket))
        await transport.connectionsEnded()
    }

    // MARK: Numbers

    /// 10,000 attempts with the rates, 2,000 without.
    @Test("thousands of connections that never finish, 250 at once: an honest peer gets in", arguments: [true, false])
    func flood(_ isThrottled: Bool) async throws {
        let loopback = try await Loopback.listen {
            // Without the rates the bound on unfinished handshakes alone has to hold.
            if isThrottled { $0.limits.exemptRanges = [] }
            $0.timeouts.security = .seconds(5)
            $0.timeouts.close = .milliseconds(50)
        }
        let address = loopback.address
        let attack = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<250 {
                    group.addTask {
                        for _ in 0..<(isThrottled ? 40 : 8) {
                            let peer = try await RawPeer.connect(to: address)
                            do {
                                try await peer.send([0x13, 0x2f])
                                _ = try await peer.read()
                            } catch {
                                // It was closed already.
                            }
                            try await peer.close()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        // In the midst of it.
        while loopback.transport.connectionCount < 16 { await Task.yield() }
        for _ in 0..<5 {
            // Another network than that of the attackers.
            let honest = try await RawPeer.connect(to: address, from: "127.1.0.1")
            try await honest.secure(.generateEd25519())
            try await Self.expectAnswers(honest)
            // 128 unfinished, those that are being closed, and the honest ones.
            #expect(loopback.transport.connectionCount <= 250 + 5)
            #expect(loopback.transport.heldBytes == 0)
            try await honest.close()
        }
        try await attack.value
        await loopback.transport.connectionsEnded()
        // Afterwards their network is let in again, when its rate has recovered.
        var refused: [String] = []
        while true {
            let event = try await loopback.events.next()
            guard case .refused(let error) = event.kind else {
                if refused.count > 1000 || !isThrottled { break }
                continue
            }
            #expect(error.code == .limitExceeded)
            refused.append(error.message)
        }
        // The one address that they come from has half of what its network has: new connections in a second, and places, of
        // which those that are being closed keep theirs until they are.
        let expected = ["32 per second, 128 at once", "128"].map {
            "connections from 127.0.0.1/32: expected at most \($0)"
        }
        #expect(refused.allSatisfy(expected.contains), "found \(Set(refused))")
        await loopback.listener.close()
    }

    @Test("1,000 streams opened and left: 256 are taken, and those end too; other connections do not notice")
    func streams() async throws {
        let loopback = try await Loopback.listen { $0.timeouts.stream = .milliseconds(300) }
        let (honest, _) = try await loopback.hostile()
        let (peer, connection) = try await loopback.hostile()
        let opens = (0..<1000).flatMap { wire(.windowUpdate, .syn, UInt32(2 * $0 + 1), 0) }
        try await peer.sendFrames(opens)
        var reset: Set<UInt32> = []
        while reset.count < 744 {
            let header = try await peer.frame().header
            if header.flags.contains(.rst) { reset.insert(header.streamID) }
        }
        try await Self.expectAnswers(honest)
        while reset.count < 1000 {
            let header = try await peer.frame().header
            if header.flags.contains(.rst) { reset.insert(header.streamID) }
        }
        // There is room again.
        try await peer.open(2001, Loopback.protocolID.name)
        _ = try await Loopback.acceptStream(connection)
        try await peer.close()
        try await honest.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    // MARK: Floods on a connection

    /// What is sent again and again, and the reason it is cut off for.
    struct Flood: Sendable, CustomTestStringConvertible {
        var name: String
        var frames: [UInt8]
        /// How many are too many, with some to spare, since one of each read does not count.
        var count: Int
        var message: String

        var testDescription: String { name }
    }

    private static let emptyFrames =
        "yamux: more than 4096 pings, resets and other frames that carry nothing in a short time"

    private static let floods = [
        Flood(name: "pings", frames: wire(.ping, .syn, 0, 1), count: 5000, message: emptyFrames),
        Flood(name: "resets of no stream", frames: wire(.windowUpdate, .rst, 7, 0), count: 5000, message: emptyFrames),
        Flood(name: "data without bytes", frames: wire(.data, [], 7, 0), count: 5000, message: emptyFrames),
        Flood(name: "credit of nothing", frames: wire(.windowUpdate, [], 7, 0), count: 5000, message: emptyFrames),
        Flood(
            name: "streams opened and reset", frames: wire(.data, .syn, 7, 0) + wire(.windowUpdate, .rst, 7, 0),
            count: 5000, message: emptyFrames),
        Flood(
            name: "answers to no ping", frames: wire(.ping, .ack, 0, 1), count: 20,
            message: "yamux: more than 16 answers to pings that were never sent"),
    ]

    @Test("floods of frames that cost their sender nothing", arguments: floods)
    func flood(_ flood: Flood) async throws {
        let loopback = try await Loopback.listen { $0.timeouts.close = .milliseconds(50) }
        let (honest, _) = try await loopback.hostile()
        let (peer, connection) = try await loopback.hostile()
        // Four fifths of it are borne.
        let fifth = (0..<(flood.count / 5)).flatMap { _ in flood.frames }
        for _ in 0..<4 { try await peer.sendFrames(fifth) }
        try await peer.sendFrames(wire(.windowUpdate, .syn, 1, 0))
        while try await peer.frame().header.streamID != 1 {}
        try await peer.sendFrames(fifth)
        let error = await connection.closed()
        #expect(error?.code == .protocolViolation)
        #expect(error?.message == flood.message)
        try await Self.expectAnswers(honest)
        #expect(try await loopback.events.closed().error?.message == flood.message)
        try await honest.close()
        try await peer.close()
        await loopback.transport.connectionsEnded()
        #expect(loopback.transport.heldBytes == 0)
        await loopback.listener.close()
    }

    @Test("Noise messages without plaintext are borne, but not without end")
    func emptyMessages() async throws {
        let loopback = try await Loopback.listen { $0.timeouts.close = .milliseconds(50) }
        let (peer, connection) = try await loopback.hostile()
        for _ in 0..<4 { try await peer.sendPlain((0..<1024).flatMap { _ in try peer.sealEmpty() }) }
        try await Self.expectAnswers(peer)
        try await peer.sendPlain(try peer.sealEmpty())
        let error = await connection.closed()
        #expect(error?.code == .securityFailed)
        #expect(error?.message == "Noise: more than 4096 messages without plaintext in a short time")
        try await peer.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    // MARK: Events

    @Test("an orderly connection is told too, with its bytes")
    func events() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect()
        guard case .established(let peer, let handshake) = try await loopback.events.next().kind else {
            throw Missing("an established connection")
        }
        #expect(peer == dialed.localPeer)
        #expect(handshake > .zero)
        let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
        try await opened.write([UInt8](repeating: 1, count: 10_000))
        _ = try await other.read(exactly: 10_000)
        await dialed.close()
        let (received, sent, error) = try await loopback.events.closed()
        #expect(received > 10_000 && received < 12_000)
        #expect(sent > 300 && sent < 2000)
        #expect(error == nil)
        await loopback.listener.close()
    }
}
