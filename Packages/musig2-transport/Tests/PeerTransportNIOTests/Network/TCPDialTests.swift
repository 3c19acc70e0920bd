import Multiformats
import NIOCore
import NIOPosix
import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("Dialling and listening, and what goes wrong with them", .serialized, .timeLimit(.minutes(1)))
struct TCPDialTests {
    private static func transport(
        _ change: (inout TCPTransport.Configuration) -> Void = { _ in }
    ) throws -> TCPTransport {
        var configuration = TCPTransport.Configuration()
        change(&configuration)
        return try TCPTransport(identity: .generateEd25519(), configuration: configuration)
    }

    private static func dial(_ address: Multiaddr, _ transport: TCPTransport? = nil) async throws -> TransportError {
        let transport = try transport ?? Self.transport()
        let error = try await transportError {
            _ = try await transport.dial(address, expecting: nil) { _ in false }
        }
        await transport.connectionsEnded()
        return try #require(error)
    }

    // MARK: Addresses

    @Test("a name is dialled only where it may lead")
    func allowedAddresses() async throws {
        let loopback = try await Loopback.listen()
        let name = try Multiaddr("\(loopback.address)".replacing("/ip4/127.0.0.1/", with: "/dns4/localhost/"))
        let transport = try Self.transport()
        let error = try await transportError {
            _ = try await transport.dial(name, expecting: nil, accepting: { _ in false }, allowing: { !$0.isLoopback })
        }
        #expect(error?.code == .unsupportedAddress)
        let connection = try await transport.dial(
            name, expecting: nil, accepting: { _ in false }, allowing: { $0.isLoopback })
        #expect(connection.remotePeer == loopback.identity.peerID)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("port 0 becomes a real port, and the address ends in the peer id")
    func realPort() async throws {
        let loopback = try await Loopback.listen()
        let components = loopback.address.components
        #expect(components.count == 3)
        #expect(components[0] == .ip4(.loopback))
        #expect(components[1] != .tcp(0))
        #expect(components[2] == .p2p(loopback.identity.peerID))
        await loopback.listener.close()
    }

    @Test("over IPv6")
    func ipv6() async throws {
        let loopback = try await Loopback.listen(on: "/ip6/::1/tcp/0")
        let (dialed, accepted) = try await loopback.connect()
        #expect(dialed.remoteAddress.components[0] == .ip6(.loopback))
        #expect(accepted.remoteAddress.components[0] == .ip6(.loopback))
        await dialed.close()
        await loopback.listener.close()
    }

    @Test("by name", arguments: ["dns", "dns4"])
    func byName(_ kind: String) async throws {
        let loopback = try await Loopback.listen()
        guard case .tcp(let port) = loopback.address.components[1] else { throw Missing("a port") }
        let named = try Multiaddr("/\(kind)/localhost/tcp/\(port)/p2p/\(loopback.identity.peerID)")
        let dialed = try await Self.transport().dial(named, expecting: nil) { _ in false }
        #expect(dialed.remotePeer == loopback.identity.peerID)
        await dialed.close()
        await loopback.listener.close()
    }

    @Test(
        "which addresses it can dial",
        arguments: [
            ("/ip4/127.0.0.1/tcp/1", true), ("/ip6/::1/tcp/1", true), ("/dns/example.org/tcp/1", true),
            ("/dns4/example.org/tcp/1", true), ("/dns6/example.org/tcp/1", true),
            ("/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT", true),
            ("/ip4/127.0.0.1/tcp/1/ws", true), ("/ip6/::1/tcp/1/ws", true), ("/dns/example.org/tcp/80/ws", true),
            ("/ip4/127.0.0.1/udp/1/quic-v1", false), ("/ip4/127.0.0.1/tcp/1/wss", false),
            ("/dnsaddr/example.org", false), ("/memory/1", false), ("/ip4/127.0.0.1", false),
        ])
    func canDial(_ text: String, _ expected: Bool) throws {
        #expect(try Self.transport().canDial(Multiaddr(text)) == expected)
    }

    @Test("addresses that cannot be dialled or listened at")
    func unsupported() async throws {
        let quic = try Multiaddr("/ip4/127.0.0.1/udp/1/quic-v1")
        let error = try await Self.dial(quic)
        #expect(error.code == .unsupportedAddress)
        #expect(
            error.message
                == "TCP cannot dial /ip4/127.0.0.1/udp/1/quic-v1: expected /ip4, /ip6 or /dns, then /tcp, then "
                + "nothing, /ws or /p2p"
        )
        for text in ["/ip4/127.0.0.1/udp/1", "/dns/localhost/tcp/0"] {
            let error = try await transportError {
                _ = try await Self.transport().listen(on: Multiaddr(text)) { _ in true }
            }
            #expect(error?.code == .unsupportedAddress)
        }
    }

    @Test("a name that does not exist")
    func unknownName() async throws {
        let error = try await Self.dial(Multiaddr("/dns/no-such-host.invalid/tcp/1"))
        #expect(error.code == .resolutionFailed)
        #expect(error.message == "the name no-such-host.invalid has no address")
    }

    @Test("a port in use, and an address of another machine")
    func listening() async throws {
        let loopback = try await Loopback.listen()
        guard let taken = loopback.address.withoutPeerID else { throw Missing("an address") }
        let inUse = try await transportError {
            _ = try await Self.transport().listen(on: taken) { _ in true }
        }
        #expect(inUse?.code == .addressInUse)
        #expect(
            inUse?.message == "\(taken) is in use by another program: choose another port, or 0 for any free one")
        await loopback.listener.close()

        let elsewhere = try await transportError {
            _ = try await Self.transport().listen(on: Multiaddr("/ip4/192.0.2.1/tcp/0")) { _ in true }
        }
        #expect(elsewhere?.code == .addressNotAvailable)
        #expect(elsewhere?.message == "/ip4/192.0.2.1/tcp/0 is not an address of this machine")
    }

    @Test("of the addresses of a name those that lead to this side are passed over for another")
    func ownName() async throws {
        let own = try await Loopback.listen()
        let other = try await Loopback.listen()
        let name = try Multiaddr("/dns4/two.example/tcp/4001")
        let target = try #require(TCPAddress(name))
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        var addresses: [SocketAddress] = []
        for address in [own.address, other.address] {
            addresses += try await #require(TCPAddress(address)).resolve(within: .seconds(5), on: eventLoop)
        }
        for addresses in [addresses, addresses.reversed()] {
            let connection = try await own.transport.connect(
                toOneOf: addresses, at: target, named: name, expecting: nil, { _ in true }, eventLoop)
            #expect(connection.remotePeer == other.transport.localPeer)
            await connection.close()
        }
        // It may be all that there is.
        let alone = try await own.transport.connect(
            toOneOf: [addresses[0]], at: target, named: name, expecting: nil, { _ in true }, eventLoop)
        #expect(alone.remotePeer == own.transport.localPeer)
        await alone.close()
        for loopback in [own, other] { await loopback.listener.close() }
    }

    @Test("nobody listens")
    func refused() async throws {
        let loopback = try await Loopback.listen()
        let address = loopback.address
        await loopback.listener.close()
        let error = try await Self.dial(address)
        #expect(error.code == .connectionRefused)
        #expect(error.message == "nobody listens at \(address)")
    }

    // MARK: Peers that are not what they should be

    @Test("an HTTP server")
    func http() async throws {
        let (address, accept) = try await RawPeer.listen()
        async let failure = Self.dial(address)
        let peer = try await accept()
        let first = try await peer.read()
        // The proposal, and the first Noise message behind it.
        #expect(hex(first ?? []).hasPrefix(MultistreamFigures.header + MultistreamFigures.noise + "0020"))
        // It keeps the connection open, waiting for another request.
        try await peer.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        let error = try await failure
        #expect(error.code == .notAPeer)
        #expect(
            error.message
                == "the other side is not a libp2p peer: multistream header: expected \"/multistream/1.0.0\", "
                + "found \"HTTP/1.1 400 Bad Request????\"")
    }

    @Test("a peer that speaks no Noise")
    func noNoise() async throws {
        let (address, accept) = try await RawPeer.listen()
        async let failure = Self.dial(address)
        let peer = try await accept()
        try await peer.send(bytes(MultistreamFigures.header + MultistreamFigures.notAvailable))
        let error = try await failure
        #expect(error.code == .protocolNotSupported)
        #expect(error.message == "security: the peer speaks none of: /noise")
        #expect(try await peer.readToEnd().isEmpty == false)
    }

    @Test("a peer that closes at once, and one that closes in the handshake")
    func closes() async throws {
        for (answer, stage) in [
            ("", "negotiating security"), (MultistreamFigures.header + MultistreamFigures.noise, "Noise handshake"),
        ] {
            let (address, accept) = try await RawPeer.listen()
            async let failure = Self.dial(address)
            let peer = try await accept()
            try await peer.send(bytes(answer))
            // Header and proposal, and with Noise agreed on the first message.
            var received = try await peer.read()?.count ?? 0
            while received < (answer.isEmpty ? 28 : 62) { received += try await peer.read()?.count ?? 100 }
            try await peer.close()
            let error = try await failure
            #expect(error.code == .connectionClosed)
            #expect(error.message == "the other side closed the connection while \(stage)")
        }
    }

    @Test("a peer that says nothing, at each stage")
    func silent() async throws {
        let noise = bytes(MultistreamFigures.header + MultistreamFigures.noise)
        for (answer, stage) in [
            ([], "negotiating security"), (bytes(MultistreamFigures.header), "negotiating security"),
            (noise, "Noise handshake"),
        ] {
            let (address, accept) = try await RawPeer.listen()
            let transport = try Self.transport {
                if answer == noise {
                    $0.timeouts.handshake = .milliseconds(150)
                } else {
                    $0.timeouts.security = .milliseconds(150)
                }
            }
            async let failure = Self.dial(address, transport)
            let peer = try await accept()
            try await peer.sendIfOpen(answer)
            let error = try await failure
            #expect(error.code == .timedOut)
            #expect(error.message == "\(stage) took longer than 0.15 seconds")
            _ = try await peer.readToEnd()
        }
    }

    @Test("another peer than expected: by argument, and by the end of the address")
    func wrongPeer() async throws {
        let loopback = try await Loopback.listen()
        let other = NodeIdentity.generateEd25519().peerID
        guard let plain = loopback.address.withoutPeerID else { throw Missing("an address") }
        let error = try await Self.dial(plain.appending(other))
        #expect(error.code == .peerMismatch)
        #expect(error.message == "expected peer \(other), found \(loopback.identity.peerID)")
        let argument = try await transportError {
            _ = try await Self.transport().dial(loopback.address, expecting: other) { _ in false }
        }
        #expect(argument?.code == .peerMismatch)
        await loopback.listener.close()
    }

    @Test("a cancelled dial ends at once and leaves nothing behind")
    func cancelled() async throws {
        let (address, accept) = try await RawPeer.listen()
        let transport = try Self.transport()
        let dialing = Task { try await transport.dial(address, expecting: nil) { _ in false } }
        let peer = try await accept()
        _ = try await peer.read()
        dialing.cancel()
        let error = try await transportError { _ = try await dialing.value }
        #expect(error?.code == .cancelled)
        #expect(try await peer.readToEnd() == [])
    }

    // MARK: Configuration

    @Test("settings that make no sense are named")
    func configuration() async throws {
        func problem(_ change: (inout TCPTransport.Configuration) -> Void) async throws -> String? {
            try await transportError { _ = try Self.transport(change) }?.message
        }
        #expect(try await problem { $0.limits.connections = 0 } == "limits.connections: expected at least 1, found 0")
        #expect(
            try await problem { $0.limits.receiveBuffer = 1_000_000 }
                == "limits.receiveBuffer: expected at least 33554432, found 1000000")
        #expect(
            try await problem { $0.limits.multistreamMessage = 20_000 }
                == "limits.multistreamMessage: expected at most 16383, found 20000")
        #expect(
            try await problem { $0.timeouts.handshake = .zero }
                == "timeouts.handshake: expected more than zero and at most a day, found 0.0 seconds")
        #expect(try await problem { _ in } == nil)
    }
}
