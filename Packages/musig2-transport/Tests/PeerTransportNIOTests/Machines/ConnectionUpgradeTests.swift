import Multiformats
import NIOCore
import PeerTransport
import Testing

@testable import PeerNoise
@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("From a raw connection to a multiplexed one")
struct ConnectionUpgradeTests {
    struct Variant: Sendable, CustomStringConvertible {
        var dialer: [String] = ["/yamux/1.0.0"]
        var listener: [String] = ["/yamux/1.0.0"]
        var piece = Int.max

        var description: String { "dialer \(dialer), listener \(listener), pieces of \(piece)" }

        static let all: [Variant] = [1, 7, Int.max].flatMap { piece in
            [
                Variant(piece: piece),
                Variant(dialer: [], piece: piece),
                Variant(listener: [], piece: piece),
                Variant(dialer: [], listener: [], piece: piece),
                Variant(dialer: ["/mplex/6.7.0", "/yamux/1.0.0"], piece: piece),
            ]
        }
    }

    private static func machine(
        _ identity: NodeIdentity, isInitiator: Bool, muxers: [String] = ["/yamux/1.0.0"], expecting: PeerID? = nil
    ) throws -> ConnectionUpgrade {
        ConnectionUpgrade(
            ConnectionUpgrade.Parameters(
                isInitiator: isInitiator, credentials: try NoiseCredentials(identity: identity, muxers: muxers),
                expectedPeer: expecting, maximumMessage: 1024, maximumProposals: 64))
    }

    /// What a machine makes of bytes: what it sends, and how it ended.
    private static func feed(
        _ machine: inout ConnectionUpgrade, _ input: [UInt8], piece: Int = Int.max
    ) -> (sent: [UInt8], end: ConnectionUpgrade.Action?, rest: [UInt8]) {
        var sent: [UInt8] = []
        var start = 0
        while start < input.count {
            let end = piece < input.count - start ? start + piece : input.count
            let part = Array(input[start..<end])
            var offset = 0
            reading: while true {
                let action = part.withUnsafeBytes { machine.receive($0, at: &offset) }
                switch action {
                case .needMore: break reading
                case .send(let bytes): sent += bytes
                case .done, .fail: return (sent, action, Array(input[(start + offset)...]))
                }
            }
            start = end
        }
        return (sent, nil, [])
    }

    private static func result(_ end: ConnectionUpgrade.Action?) -> ConnectionUpgrade.Result? {
        guard case .done(let result) = end else { return nil }
        return result
    }

    private static func error(_ end: ConnectionUpgrade.Action?) -> TransportError? {
        guard case .fail(let error) = end else { return nil }
        return error
    }

    @Test("both sides come to the end, know each other, and share keys", arguments: Variant.all)
    func succeeds(_ variant: Variant) throws {
        let (one, two) = (NodeIdentity.generateEd25519(), NodeIdentity.generateSecp256k1())
        var dialer = try Self.machine(one, isInitiator: true, muxers: variant.dialer, expecting: two.peerID)
        var listener = try Self.machine(two, isInitiator: false, muxers: variant.listener)
        var toListener = dialer.start()
        var toDialer = listener.start()
        var ends: (dialer: ConnectionUpgrade.Result?, listener: ConnectionUpgrade.Result?) = (nil, nil)
        for _ in 0..<10 where ends.dialer == nil || ends.listener == nil {
            if ends.listener == nil {
                let (sent, end, rest) = Self.feed(&listener, toListener, piece: variant.piece)
                toListener = rest
                toDialer += sent
                ends.listener = Self.result(end)
            }
            if ends.dialer == nil {
                let (sent, end, rest) = Self.feed(&dialer, toDialer, piece: variant.piece)
                toDialer = rest
                toListener += sent
                ends.dialer = Self.result(end)
            }
        }
        var dialerResult = try #require(ends.dialer)
        let listenerResult = try #require(ends.listener)
        #expect(dialerResult.peer.peerID == two.peerID)
        #expect(listenerResult.peer.peerID == one.peerID)
        #expect(dialerResult.peer.muxers == variant.listener)
        #expect(dialerResult.leftover.isEmpty)
        var output = ByteBuffer()
        try [UInt8](1...5).withUnsafeBytes { try dialerResult.sealer.seal($0, into: &output) }
        let wire = toListener + Array(output.readableBytesView)
        var offset = 0
        let plaintext = try wire.withUnsafeBytes { try listenerResult.opener.next($0, at: &offset) }
        #expect(plaintext.map { Array($0) } == [1, 2, 3, 4, 5])
    }

    @Test("round trips are those of Noise messages: what else comes may have been on its way already")
    func roundTrips() throws {
        var dialer = try Self.machine(.generateEd25519(), isInitiator: true, muxers: [])
        var listener = try Self.machine(.generateEd25519(), isInitiator: false, muxers: [])
        let (header, start) = (listener.start(), dialer.start())
        #expect(dialer.awaitsAnswer && !listener.awaitsAnswer)
        let (message2, _, _) = Self.feed(&listener, start)
        #expect(listener.awaitsAnswer)
        let echo = MultistreamMessage.encode(ConnectionUpgrade.noiseProtocol).count
        _ = Self.feed(&dialer, header + message2.prefix(echo))
        #expect(dialer.awaitsAnswer)
        let (message3, _, _) = Self.feed(&dialer, Array(message2.dropFirst(echo)))
        #expect(!dialer.awaitsAnswer)
        _ = Self.feed(&listener, message3)
        #expect(!listener.awaitsAnswer)
    }

    @Test("message 1 goes out behind the proposal of Noise; a listener may take them one by one")
    func messageBehindTheProposal() throws {
        var dialer = try Self.machine(.generateEd25519(), isInitiator: true)
        var listener = try Self.machine(.generateEd25519(), isInitiator: false)
        let start = dialer.start()
        let proposal = bytes(MultistreamFigures.header + MultistreamFigures.noise)
        #expect(start.starts(with: proposal + [0, 32]) && start.count == proposal.count + 34)
        // A key that is made ahead is as good as one that is made when it is needed.
        listener.prepare()
        let (answer, _, _) = Self.feed(&listener, proposal)
        #expect(answer == MultistreamMessage.encode(ConnectionUpgrade.noiseProtocol))
        let (message2, _, _) = Self.feed(&listener, Array(start.dropFirst(proposal.count)))
        let (message3, end, _) = Self.feed(&dialer, proposal + message2)
        #expect(Self.result(end) != nil)
        #expect(Self.result(Self.feed(&listener, message3).end) != nil)
    }

    @Test("yamux frames glued to the last message of the upgrade are not lost")
    func glued() throws {
        let (one, two) = (NodeIdentity.generateEd25519(), NodeIdentity.generateEd25519())
        // No early muxer: the dialler's echo arrives with what the listener sends next, in one Noise message or two.
        var dialer = try Self.machine(one, isInitiator: true, muxers: [])
        var listener = try Self.machine(two, isInitiator: false, muxers: [])
        let header = listener.start()
        let (message2, _, _) = Self.feed(&listener, dialer.start())
        let (message3, _, _) = Self.feed(&dialer, header + message2)
        let (echo, end, _) = Self.feed(&listener, message3)
        var result = try #require(Self.result(end))
        var output = ByteBuffer()
        try [UInt8](1...12).withUnsafeBytes { try result.sealer.seal($0, into: &output) }
        let (_, dialerEnd, rest) = Self.feed(&dialer, echo + Array(output.readableBytesView))
        let dialerResult = try #require(Self.result(dialerEnd))
        // The second Noise message was not touched.
        #expect(rest == Array(output.readableBytesView))
        var offset = 0
        #expect(try rest.withUnsafeBytes { try dialerResult.opener.next($0, at: &offset) }?.count == 12)
    }

    @Test("plaintext behind the last answer, inside one Noise message, is handed on")
    func leftover() throws {
        let (one, two) = (NodeIdentity.generateEd25519(), NodeIdentity.generateEd25519())
        var dialer = try Self.machine(one, isInitiator: true, muxers: [])
        let credentials = try NoiseCredentials(identity: two, muxers: [])
        var noise = NoiseHandshake(role: .responder, staticKey: credentials.staticKey, payload: credentials.payload)
        let answer = bytes(MultistreamFigures.header + MultistreamFigures.noise)
        let message1 = dialer.start().dropFirst(answer.count)
        guard case .send(let message2) = noise.receive(message: Array(message1.dropFirst(2))) else {
            Issue.record("message 1 was not accepted")
            return
        }
        let (message3, _, _) = Self.feed(&dialer, answer + NoiseMessageReader.frame(message2))
        let length = Int(message3[0]) << 8 | Int(message3[1])
        guard case .finished(_, let keys) = noise.receive(message: Array(message3[2..<(2 + length)])) else {
            Issue.record("message 3 was not accepted")
            return
        }
        var sealer = NoiseSealer(key: keys.send)
        var output = ByteBuffer()
        let plaintext = bytes(MultistreamFigures.header + MultistreamFigures.yamux + "00020001000000000000002a")
        try plaintext.withUnsafeBytes { try sealer.seal($0, into: &output) }
        let (_, end, _) = Self.feed(&dialer, Array(output.readableBytesView))
        #expect(try hex(#require(Self.result(end)).leftover) == "00020001000000000000002a")
    }

    @Test("another peer than expected is refused before the dialler says who it is")
    func wrongPeer() throws {
        let (one, two) = (NodeIdentity.generateEd25519(), NodeIdentity.generateEd25519())
        let expected = NodeIdentity.generateEd25519().peerID
        var dialer = try Self.machine(one, isInitiator: true, expecting: expected)
        var listener = try Self.machine(two, isInitiator: false)
        let header = listener.start()
        let (message2, _, _) = Self.feed(&listener, dialer.start())
        let (sent, end, _) = Self.feed(&dialer, header + message2)
        #expect(sent == [])
        #expect(Self.error(end)?.code == .peerMismatch)
        #expect(Self.error(end)?.message == "expected peer \(expected), found \(two.peerID)")
    }

    @Test("lists of muxers without overlap fail on both sides")
    func noCommonMuxer() throws {
        var dialer = try Self.machine(.generateEd25519(), isInitiator: true, muxers: ["/mplex/6.7.0"])
        var listener = try Self.machine(.generateEd25519(), isInitiator: false)
        let header = listener.start()
        let (message2, _, _) = Self.feed(&listener, dialer.start())
        let (_, end, _) = Self.feed(&dialer, header + message2)
        #expect(Self.error(end)?.code == .protocolNotSupported)
        #expect(
            Self.error(end)?.message == "multiplexer: expected one of /mplex/6.7.0, found /yamux/1.0.0")
    }

    @Test(
        "what is not libp2p",
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n\r\n", TransportError.Code.notAPeer),
            ("SSH-2.0-OpenSSH_9.2\r\n", .notAPeer),
            ("H", .notAPeer),
            ("\u{03}hi\n", .notAPeer),
            ("\u{13}/multistream/1.0.0\n\u{03}na\n", .protocolNotSupported),
        ])
    func notAPeer(_ answer: String, _ code: TransportError.Code) throws {
        var dialer = try Self.machine(.generateEd25519(), isInitiator: true)
        #expect(Self.error(Self.feed(&dialer, Array(answer.utf8)).end)?.code == code)
    }

    @Test("garbage at each message of the handshake")
    func garbage() throws {
        var dialer = try Self.machine(.generateEd25519(), isInitiator: true)
        _ = dialer.start()
        let start = bytes(MultistreamFigures.header + MultistreamFigures.noise)
        let garbage = NoiseMessageReader.frame([UInt8](repeating: 9, count: 200))
        #expect(Self.error(Self.feed(&dialer, start + garbage).end)?.code == .securityFailed)
        #expect(dialer.stage == .handshake)

        var listener = try Self.machine(.generateEd25519(), isInitiator: false)
        let short = NoiseMessageReader.frame([UInt8](repeating: 9, count: 31))
        let error = Self.error(Self.feed(&listener, start + short).end)
        #expect(error?.code == .securityFailed)
        #expect(error?.message == "Noise handshake message 1: expected 32 bytes, found 31")
    }
}
