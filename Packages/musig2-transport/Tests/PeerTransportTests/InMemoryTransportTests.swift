import Multiformats
import PeerTransport
import Testing

@Suite struct InMemoryTransportTests {
    private let hub: InMemoryHub
    private let server: InMemoryTransport
    private let client: InMemoryTransport
    private let one: PeerID

    init() throws {
        hub = InMemoryHub(
            limits: .init(windowBytes: 100, waitingConnections: 2, waitingStreams: 3, streamsPerConnection: 5)
        )
        one = try testPeer(1)
        server = InMemoryTransport(peer: one, hub: hub)
        client = InMemoryTransport(peer: try testPeer(2), hub: hub)
    }

    private func connected() async throws -> (any Connection, any Connection) {
        let listener = try await server.listen(on: try Multiaddr("/memory/7"), accepting: { $0 == "/a" })
        let dialed = try await client.dial(try Multiaddr("/memory/7"), expecting: one, accepting: { _ in false })
        let accepted = try #require(try await listener.accept())
        await listener.close()
        return (dialed, accepted)
    }

    @Test func understandsMemoryAddressesOnly() throws {
        #expect(client.canDial(try Multiaddr("/memory/1")))
        #expect(client.canDial(try Multiaddr("/memory/1/p2p/\(one)")))
        #expect(!client.canDial(try Multiaddr("/ip4/127.0.0.1/tcp/1")))
        #expect(!client.canDial(try Multiaddr("/memory/1/tcp/1")))
        #expect(!client.canDial(try Multiaddr("/p2p/\(one)")))
    }

    @Test func otherAddressesAreUnsupported() async throws {
        let address = try Multiaddr("/ip4/127.0.0.1/tcp/1")
        let dialed = await #expect(throws: TransportError.self) {
            try await client.dial(address, expecting: nil, accepting: { _ in false })
        }
        #expect(dialed?.code == .unsupportedAddress)
        #expect(dialed?.message == "expected an address like /memory/1, found /ip4/127.0.0.1/tcp/1")
        await #expect(throws: TransportError(.unsupportedAddress, "")) {
            try await client.listen(on: address, accepting: { _ in false })
        }
    }

    @Test func theEndOfTheAddressIsExpected() async throws {
        _ = try await server.listen(on: try Multiaddr("/memory/7"), accepting: { _ in false })
        let wrong = try testPeer(9)
        let error = await #expect(throws: TransportError.self) {
            try await client.dial(try Multiaddr("/memory/7/p2p/\(wrong)"), expecting: nil, accepting: { _ in false })
        }
        #expect(error?.code == .peerMismatch)
        #expect(error?.message == "expected peer \(wrong) at /memory/7, found \(one)")
    }

    @Test func connectionsThatNobodyAcceptsAreBounded() async throws {
        let listener = try await server.listen(on: try Multiaddr("/memory/7"), accepting: { _ in false })
        let address = try #require(listener.addresses.first)
        for _ in 0..<2 { _ = try await client.dial(address, expecting: nil, accepting: { _ in false }) }
        await #expect(throws: TransportError(.limitExceeded, "")) {
            try await client.dial(address, expecting: nil, accepting: { _ in false })
        }
        _ = try await listener.accept()
        _ = try await client.dial(address, expecting: nil, accepting: { _ in false })
    }

    @Test func connectionsThatNobodyAcceptedCloseWithTheListener() async throws {
        let listener = try await server.listen(on: try Multiaddr("/memory/7"), accepting: { _ in false })
        let address = try #require(listener.addresses.first)
        let dialed = try await client.dial(address, expecting: nil, accepting: { _ in false })
        await listener.close()
        #expect(await dialed.closed() == nil)
    }

    @Test func streamsThatNobodyAcceptsAreBounded() async throws {
        let (dialed, accepted) = try await connected()
        for _ in 0..<3 { _ = try await dialed.openStream(protocols: ["/a"]) }
        await #expect(throws: TransportError(.limitExceeded, "")) { try await dialed.openStream(protocols: ["/a"]) }
        _ = try await accepted.acceptStream()
        _ = try await dialed.openStream(protocols: ["/a"])
    }

    @Test func openStreamsAreBounded() async throws {
        let (dialed, accepted) = try await connected()
        var open: [any ByteStream] = []
        for _ in 0..<5 {
            open.append(try await dialed.openStream(protocols: ["/a"]).stream)
            _ = try await accepted.acceptStream()
        }
        await #expect(throws: TransportError(.limitExceeded, "")) { try await dialed.openStream(protocols: ["/a"]) }
        open[0].reset()
        _ = try await dialed.openStream(protocols: ["/a"])
    }

    @Test func theWindowBoundsWhatIsTakenAtOnce() async throws {
        let (dialed, accepted) = try await connected()
        let opened = try await dialed.openStream(protocols: ["/a"]).stream
        let taken = try #require(try await accepted.acceptStream()).stream
        #expect(try opened.writeImmediately([UInt8](repeating: 1, count: 60)))
        #expect(try !opened.writeImmediately([UInt8](repeating: 2, count: 41)), "all or nothing")
        #expect(try opened.writeImmediately([UInt8](repeating: 2, count: 40)))
        #expect(try !opened.writeImmediately([3]))
        #expect(try await taken.read(upTo: 1000)?.count == 100)
        #expect(try opened.writeImmediately([3]))
    }

    @Test func aWaitingWriteIsNotOvertaken() async throws {
        let (dialed, accepted) = try await connected()
        let opened = try await dialed.openStream(protocols: ["/a"]).stream
        let taken = try #require(try await accepted.acceptStream()).stream
        let writer = Task { try await opened.write([UInt8](repeating: 1, count: 150)) }
        var bytes: [UInt8] = []
        while bytes.count < 150 { bytes += try await taken.read(upTo: 7) ?? [] }
        try await writer.value
        #expect(bytes == [UInt8](repeating: 1, count: 150))
        #expect(try opened.writeImmediately([2]))
    }

    @Test func aSecondReaderIsRefused() async throws {
        let (dialed, accepted) = try await connected()
        let opened = try await dialed.openStream(protocols: ["/a"]).stream
        _ = try await accepted.acceptStream()
        let readers = (0..<2).map { _ in Task { try await opened.read(upTo: 1) } }
        let refused = await withTaskGroup(of: Result<[UInt8]?, any Error>.self) { group in
            for reader in readers { group.addTask { await reader.result } }
            let first = await group.next()
            for reader in readers { reader.cancel() }
            return first
        }
        guard case .failure(let error as TransportError)? = refused else {
            Issue.record("expected a refusal, found \(String(describing: refused))")
            return
        }
        #expect(error.code == .invalidArgument)
    }

    @Test func protocolIDsAreChecked() async throws {
        let (dialed, _) = try await connected()
        for id in ["", "/a\n", String(repeating: "x", count: 1024)] {
            #expect(!ProtocolID(id).isValid)
            await #expect(throws: TransportError(.invalidArgument, "")) {
                try await dialed.openStream(protocols: [ProtocolID(id)])
            }
        }
        #expect(ProtocolID(String(repeating: "x", count: 1023)).isValid)
    }

    @Test func errorsAreEqualByCode() {
        #expect(TransportError(.timedOut, "one") == TransportError(.timedOut, "other", underlying: "x"))
        #expect(TransportError(.timedOut, "one") != TransportError(.cancelled, "one"))
        #expect(
            "\(TransportError(.timedOut, "dial took long", underlying: "ETIMEDOUT"))"
                == "timedOut: dial took long (ETIMEDOUT)")
        #expect(TransportError.Code("mine").description == "mine")
    }
}
