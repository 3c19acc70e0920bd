import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import PeerTransportNIO
import Synchronization
import Testing
import WireCodec

@testable import PeerNode

/// Answers identify with bytes of a test's choice.
private final class Liar: StreamResponder {
    private let answer: [UInt8]
    init(_ answer: [UInt8]) { self.answer = answer }
    func begin() -> ResponderAction { .finish(answer) }
    func receive(_ bytes: [UInt8]) -> ResponderAction { .reset }
    func receiveEnd() -> ResponderAction { .finish([]) }
}

/// Takes a push and never ends its stream.
private final class Staller: StreamResponder {
    func receive(_ bytes: [UInt8]) -> ResponderAction { .send([]) }
    func receiveEnd() -> ResponderAction { .send([]) }
}

/// Identify and push between nodes, inside this process and over TCP.
@Suite struct IdentifyTests {
    enum Way: CaseIterable {
        case memory
        case tcp
    }

    private let hub = InMemoryHub()
    private static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func node(
        _ way: Way,
        _ identity: NodeIdentity = .generateEd25519(),
        _ change: (inout PeerNode.Configuration) -> Void = { _ in }
    ) async throws -> PeerNode {
        var configuration = PeerNode.Configuration()
        change(&configuration)
        switch way {
        case .memory:
            let node = PeerNode(
                identity: identity, transports: [InMemoryTransport(peer: identity.peerID, hub: hub)],
                configuration: configuration, logger: Self.quiet)
            try await node.listen(on: [try Multiaddr("/memory/0")])
            return node
        case .tcp:
            let node = try PeerNode(identity: identity, configuration: configuration, logger: Self.quiet)
            try await node.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")])
            return node
        }
    }

    private func information(
        of peer: PeerID,
        from observer: NotingObserver,
        where condition: @escaping (PeerInformation) -> Bool = { _ in true }
    ) async throws -> PeerInformation {
        let found = await observer.first { note in
            if case .identified(peer, let information) = note, condition(information) { information } else { nil }
        }
        return try #require(found)
    }

    @Test(arguments: Way.allCases)
    func bothSidesLearnOfEachOther(_ way: Way) async throws {
        let one = try await node(way) { $0.identify.agentVersion = "one/1" }
        let two = try await node(way, .generateSecp256k1()) { $0.identify.agentVersion = "two/2" }
        let (atOne, atTwo) = (NotingObserver(), NotingObserver())
        one.addObserver(atOne)
        two.addObserver(atTwo)
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        let ofTwo = try await information(of: two.localPeer, from: atOne)
        #expect(ofTwo.addresses == two.addresses.compactMap(\.withoutPeerID))
        #expect(ofTwo.isCertified && ofTwo.agentVersion == "two/2")
        #expect(ofTwo.protocols == Set(two.protocols))
        #expect(ofTwo.protocols == ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"])
        #expect(ofTwo.observedAddress != nil)
        #expect(one.observedAddresses.map(\.observers) == [1])
        #expect(one.information(of: two.localPeer) == ofTwo)
        let ofOne = try await information(of: one.localPeer, from: atTwo)
        #expect(ofOne.addresses == one.addresses.compactMap(\.withoutPeerID) && ofOne.agentVersion == "one/1")
        await one.shutdown()
        await two.shutdown()
    }

    @Test(arguments: Way.allCases)
    func changesArePushed(_ way: Way) async throws {
        let (one, two) = (try await node(way), try await node(way))
        let atOne = NotingObserver()
        one.addObserver(atOne)
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        _ = try await information(of: two.localPeer, from: atOne)
        try two.respond(to: ["/new/1"], name: "new") { _ in nil }
        let withNew = try await information(of: two.localPeer, from: atOne) { $0.protocols.contains("/new/1") }
        #expect(withNew.addresses == two.addresses.compactMap(\.withoutPeerID))
        let more = way == .memory ? "/memory/0" : "/ip4/127.0.0.1/tcp/0"
        try await two.listen(on: [try Multiaddr(more)])
        let addresses = two.addresses.compactMap(\.withoutPeerID)
        let moved = try await information(of: two.localPeer, from: atOne) { $0.addresses == addresses }
        #expect(moved.isCertified, "signed anew, with a higher sequence")
        two.unregister(["/new/1"])
        #expect(!two.protocols.contains("/new/1"))
        _ = try await information(of: two.localPeer, from: atOne) { information in
            information.addresses == addresses && !information.protocols.contains("/new/1")
        }
        await one.shutdown()
        await two.shutdown()
    }

    /// A node whose identify answer is of a test's choice.
    private func liar(_ identity: NodeIdentity, _ answer: Identify) async throws -> PeerNode {
        let node = try await node(.memory, identity) { $0.identify.isEnabled = false }
        let bytes = FrameEncoder.encode(answer.encoded())
        try node.respond(to: [PeerNode.identifyProtocol], name: "liar") { _ in Liar(bytes) }
        return node
    }

    @Test func aLieClosesTheConnectionAndHarmsNobodyElse() async throws {
        let honest = try await node(.memory)
        let one = try await node(.memory)
        let observer = NotingObserver()
        one.addObserver(observer)
        try await one.connect(to: honest.localPeer, addresses: honest.addresses)
        _ = try await information(of: honest.localPeer, from: observer)
        let other = NodeIdentity.generateEd25519()
        let lies = [
            Identify(publicKey: other.publicKey.bytes),
            Identify(signedPeerRecord: try CertifiedAddresses.envelope([], sequence: 1, by: other)),
        ]
        for lie in lies {
            let liar = try await liar(.generateEd25519(), lie)
            try await liar.connect(to: one.localPeer, addresses: one.addresses)
            let gone: Bool? = await observer.first { $0 == .disconnected(liar.localPeer) ? true : nil }
            #expect(gone == true)
            #expect(one.information(of: liar.localPeer) == nil)
        }
        #expect(one.isConnected(to: honest.localPeer))
        _ = try await one.ping(honest.localPeer)
    }

    /// Old records and rubbish cost the peer its word, not its connection.
    @Test func whatIsNotALieIsLeftOut() async throws {
        let identity = NodeIdentity.generateEd25519()
        let one = try await node(.memory)
        let observer = NotingObserver()
        one.addObserver(observer)
        let newer = try Multiaddr("/ip4/203.0.113.7/tcp/4002")
        let older = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
        let said = try Multiaddr("/ip4/203.0.113.7/tcp/4003")
        let listed = [[0xff, 0xff, 0xff], [], said.bytes]
        for (sequence, address) in [(UInt64(7), newer), (6, older)] {
            let record = try CertifiedAddresses.envelope([address], sequence: sequence, by: identity)
            let answer = Identify(
                listenAddresses: sequence == 7 ? [] : listed, protocols: ["/s/\(sequence)"],
                signedPeerRecord: record)
            let peer = try await liar(identity, answer)
            try await peer.connect(to: one.localPeer, addresses: one.addresses)
            let learnt = try await information(of: identity.peerID, from: observer) {
                $0.protocols.contains(ProtocolID("/s/\(sequence)"))
            }
            #expect(learnt.isCertified == (sequence == 7))
            #expect(learnt.addresses == (sequence == 7 ? [newer] : [said]))
            let known = sequence == 7 ? [newer] : [newer, said]
            #expect(one.knownAddresses(of: identity.peerID) == known)
            #expect(one.isConnected(to: identity.peerID))
            await peer.shutdown()
            await one.disconnect(identity.peerID)
        }
    }

    /// It would have others knock at doors of their own network.
    @Test func privateAddressesOfAPeerOfTheInternetAreLeftOut() async throws {
        let one = try await node(.memory)
        let peer = try testPeer(1)
        let place = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
        let connection = IdleConnection(from: peer, to: one.localPeer, at: place)
        connection.mayClose.set(())
        #expect(one.adopt(connection) == nil)
        let inside = try ["/ip4/192.168.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4002", "/ip6/fd00::1/tcp/4003"].map {
            try Multiaddr($0).bytes
        }
        let message = Identify(listenAddresses: inside + [place.bytes], agentVersion: "x")
        one.learn(.success(message), from: peer, at: place, isPush: false)
        #expect(one.information(of: peer) == PeerInformation(addresses: [place], agentVersion: "x"))
        #expect(one.knownAddresses(of: peer) == [place])
        #expect(one.isConnected(to: peer))
        await one.shutdown()
    }

    /// The connection in use ended before the peer had said anything.
    @Test(.timeLimit(.minutes(1))) func aConnectionThatTakesOverIsAsked() async throws {
        let peers = [try testPeer(1), try testPeer(2)].sorted()
        let (local, remote) = (peers[0], peers[1])
        var configuration = PeerNode.Configuration()
        configuration.linger = .seconds(3600)
        let node = PeerNode(localPeer: local, transports: [], configuration: configuration, logger: Self.quiet)
        let address = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
        let used = IdleConnection(from: remote, to: local, at: address, isInbound: false)
        let spare = IdleConnection(from: remote, to: local, at: address)
        for connection in [used, spare] {
            connection.mayClose.set(())
            #expect(node.adopt(connection) == nil)
        }
        let current = try #require(node.state.withLock { $0.table.current(to: remote) })
        #expect(current.connection as? IdleConnection === used)
        node.lose(current.id)
        #expect(await spare.wasAsked.wait() != nil)
        await node.shutdown()
    }

    @Test func aPeerWithoutIdentifyIsAPeerToo() async throws {
        let one = try await node(.memory)
        let two = try await node(.memory) { $0.identify.isEnabled = false }
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        #expect(two.protocols == [PeerNode.pingProtocol])
        _ = try await one.ping(two.localPeer)
        #expect(one.isConnected(to: two.localPeer))
    }

    @Test func pushesAreLimited() async throws {
        let one = try await node(.memory) { $0.identify.pushRate = RateLimit(burst: 2, perSecond: 0.001) }
        let two = try await node(.memory)
        try await two.connect(to: one.localPeer, addresses: one.addresses)
        let push = FrameEncoder.encode(Identify(agentVersion: "x").encoded())
        for round in 0..<4 {
            let opened = try await two.openStream(to: one.localPeer, protocols: [PeerNode.identifyPushProtocol])
            do throws(TransportError) {
                try await opened.stream.write(push)
                try await opened.stream.closeWrite()
                #expect(try await opened.stream.read(upTo: 1) == nil)
                #expect(round < 2)
            } catch {
                #expect(round >= 2 && error.code == .streamReset)
            }
        }
    }

    /// However many protocols an application has, and however long their names are: short names come after what the node needs.
    @Test(arguments: Way.allCases)
    func whatTheNodeNeedsIsToldFirst(_ way: Way) async throws {
        let (one, two) = (try await node(way), try await node(way))
        for number in 100..<250 {
            let name = "/application/\(number)/" + String(repeating: "a", count: 100)
            try two.respond(to: [ProtocolID(name)], name: "application") { _ in nil }
        }
        try two.respond(to: ["/z/1"], name: "short") { _ in nil }
        try two.startDHT(NodeDHT.Configuration(mode: .server, prefix: "/zzz"))
        let observer = NotingObserver()
        one.addObserver(observer)
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        let told = try await information(of: two.localPeer, from: observer).protocols
        #expect(
            told.isSuperset(of: [
                PeerNode.identifyProtocol, PeerNode.identifyPushProtocol, PeerNode.pingProtocol, "/zzz/kad/1.0.0",
                "/z/1",
            ]))
        #expect(told.count < 155, "they do not all have room")
        await one.shutdown()
        await two.shutdown()
    }

    /// Others register protocols one by one, and say each at once and only once.
    @Test(.timeLimit(.minutes(1)), arguments: Way.allCases)
    func whatADroppedPushSaidIsAskedFor(_ way: Way) async throws {
        let clock = VirtualClock()
        let one = try await node(way) {
            $0.timeSource = clock.timeSource
            // The clock runs faster than answers come.
            $0.identify.timeout = .seconds(1_000_000)
        }
        let identity = NodeIdentity.generateEd25519()
        let two = try await node(way, identity) { $0.identify.isEnabled = false }
        let said = Mutex(["/first"])
        @Sendable func message() -> [UInt8] {
            FrameEncoder.encode(Identify(protocols: said.withLock { $0 }).encoded())
        }
        try two.respond(to: [PeerNode.identifyProtocol], name: "identify") { _ in Liar(message()) }
        let observer = NotingObserver()
        one.addObserver(observer)
        try await two.connect(to: one.localPeer, addresses: one.addresses)
        _ = try await information(of: two.localPeer, from: observer)
        for number in 0..<40 {
            said.withLock { $0.append("/handler/\(number)") }
            do throws(TransportError) {
                let stream = try await two.openStream(
                    to: one.localPeer, protocols: [PeerNode.identifyPushProtocol]
                ).stream
                try await stream.write(message())
                try await stream.closeWrite()
                _ = try await stream.read(upTo: 1)
            } catch {
                // One too many.
                #expect(error.code == .streamReset)
            }
        }
        let moving = Task { await clock.run(by: .milliseconds(100)) }
        let last = try await information(of: two.localPeer, from: observer) { $0.protocols.count == 41 }
        moving.cancel()
        await moving.value
        #expect(last.protocols.contains("/handler/39"))
        await one.shutdown()
        await two.shutdown()
    }

    /// Peers that never finish a push hold up nobody: they have an hour, and others are told at once.
    @Test(.timeLimit(.minutes(1))) func peersThatStallAPushHoldUpNobody() async throws {
        let one = try await node(.memory) {
            $0.identify.maximumPushes = 1
            $0.identify.pushTimeout = .seconds(3600)
            $0.identify.timeout = .seconds(3600)
        }
        let observer = NotingObserver()
        one.addObserver(observer)
        let pushed = Mutex<Set<PeerID>>([])
        let noted = Event()
        var peers: Set<PeerID> = []
        for _ in 0..<4 {
            let peer = try await node(.memory) { $0.identify.isEnabled = false }
            let id = peer.localPeer
            let bytes = FrameEncoder.encode(
                Identify(protocols: [PeerNode.identifyProtocol.name, PeerNode.identifyPushProtocol.name]).encoded())
            try peer.respond(to: [PeerNode.identifyProtocol], name: "identify") { _ in Liar(bytes) }
            try peer.respond(to: [PeerNode.identifyPushProtocol], name: "staller") { _ in
                _ = pushed.withLock { $0.insert(id) }
                noted.notify()
                return Staller()
            }
            try await peer.connect(to: one.localPeer, addresses: one.addresses)
            _ = try await information(of: id, from: observer)
            // It asks who the other is: only then it is told of changes.
            let opened = try await peer.openStream(to: one.localPeer, protocols: [PeerNode.identifyProtocol])
            while try await opened.stream.read(upTo: 4096) != nil {}
            peers.insert(id)
        }
        try one.respond(to: ["/new/1"], name: "new") { _ in Staller() }
        while pushed.withLock({ $0 }) != peers { _ = await noted.wait() }
        await one.shutdown()
    }

    @Test func aPushThatIsTooLongIsReset() async throws {
        let (one, two) = (try await node(.memory), try await node(.memory))
        try await two.connect(to: one.localPeer, addresses: one.addresses)
        let opened = try await two.openStream(to: one.localPeer, protocols: [PeerNode.identifyPushProtocol])
        try await opened.stream.write([UInt8](repeating: 0x01, count: 9000))
        await #expect(throws: TransportError(.streamReset, "")) { try await opened.stream.read(upTo: 1) }
        #expect(one.isConnected(to: two.localPeer))
    }
}
