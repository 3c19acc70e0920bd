import KademliaDHT
import Logging
import Multiformats
import PeerNode
@_spi(Waiting) import PeerTransport
import PeerTransportNIO
import PeerTransportTestKit
import Synchronization
import Testing
import WireCodec

/// A network of nodes with a prefix of its own, inside this process or on the loopback interface.
struct DHTWorld {
    enum Way: String, CaseIterable, CustomTestStringConvertible {
        case inMemory
        case tcp

        var testDescription: String { rawValue }
    }

    static let prefix = "/test"
    static let protocolID: ProtocolID = "/test/kad/1.0.0"

    private let way: Way
    private let inMemory = TestNodes()

    init(_ way: Way = .inMemory) {
        self.way = way
    }

    func node(
        _ number: UInt8,
        configuration: PeerNode.Configuration = PeerNode.Configuration()
    ) async throws -> PeerNode {
        guard way == .tcp else { return try await inMemory.node(number, configuration: configuration) }
        let node = try PeerNode(
            identity: .generateEd25519(),
            configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await node.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")])
        return node
    }

    /// A node inside this process at an address that was free.
    func node(_ number: UInt8, at address: Multiaddr) async throws -> PeerNode {
        let node = try await node(number)
        try await node.listen(on: [address])
        return node
    }

    /// A node that takes part, with waits short enough for a test.
    func member(
        _ number: UInt8,
        _ mode: NodeDHT.Configuration.Mode = .server,
        at bootstrap: PeerNode? = nil,
        configuration: PeerNode.Configuration = PeerNode.Configuration(),
        _ change: (inout NodeDHT.Configuration) -> Void = { _ in }
    ) async throws -> NodeDHT {
        let node = try await node(number, configuration: configuration)
        return try node.startDHT(Self.configuration(mode, at: bootstrap, change))
    }

    static func configuration(
        _ mode: NodeDHT.Configuration.Mode,
        at bootstrap: PeerNode? = nil,
        _ change: (inout NodeDHT.Configuration) -> Void = { _ in }
    ) -> NodeDHT.Configuration {
        var configuration = NodeDHT.Configuration(mode: mode, prefix: prefix, bootstrap: bootstrap?.addresses ?? [])
        configuration.rules["test"] = LongestRules()
        configuration.kademlia.retryDelay = .milliseconds(20)
        configuration.kademlia.retries = 2
        configuration.settleTimeout = .seconds(1)
        change(&configuration)
        return configuration
    }

    /// So many servers, of which all but the first begin at the first, all ready: one after another, so that each is told
    /// of those before it, or all at once.
    func servers(_ count: UInt8, atOnce: Bool = false) async throws -> [NodeDHT] {
        let first = try await member(1)
        var all = [first]
        for number in 2...max(2, count) {
            all.append(try await member(number, at: first.node))
            if !atOnce { await first.waitForStatus { $0.routingTableSize == number - 1 } }
        }
        for server in all { try await server.waitUntilReady(timeout: .seconds(30)) }
        return all
    }

    static func shutdown(_ members: [NodeDHT]) async {
        for member in members { await member.node.shutdown() }
    }

    /// A multihash of a number.
    static func key(_ number: UInt8) -> [UInt8] { [0x12, 0x20] + [UInt8](repeating: number, count: 32) }

    /// The name of a value.
    static func name(_ text: String) -> [UInt8] { Array("/test/\(text)".utf8) }
}

extension NodeDHT {
    /// Waits until the status satisfies a condition.
    @discardableResult
    func waitForStatus(_ condition: (DHTStatus) -> Bool) async -> DHTStatus? {
        for await status in node.dhtStatusUpdates() where condition(status) { return status }
        return nil
    }
}

/// Any value that does not begin with 0 is valid, and the longest is the best.
struct LongestRules: ValueRules {
    func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool { value.first != 0 }
    func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool { left.count > right.count }
}

/// A node that speaks the protocol of the DHT as a test tells it to.
final class ScriptedServer: ProtocolHandler {
    /// What becomes of a stream after a request.
    enum Answer: Sendable {
        /// These bytes, and the stream goes on.
        case bytes([UInt8])
        /// These bytes, and the end of the stream.
        case last([UInt8])
        /// Nothing until the shutdown.
        case silence
        case reset

        static func message(_ message: KademliaMessage) -> Answer { .bytes(FrameEncoder.encode(message.encoded())) }
    }

    let name = "scripted"
    let protocolIDs: [ProtocolID]
    let node: PeerNode

    private struct Log {
        var streams = 0
        var requests: [KademliaMessage] = []
    }

    private let script: @Sendable (KademliaMessage) -> Answer
    private let log = Mutex(Log())
    private let changed = Event()
    private let isOver = OneShot<Void>()

    init(
        _ node: PeerNode,
        protocolID: ProtocolID = DHTWorld.protocolID,
        _ script: @escaping @Sendable (KademliaMessage) -> Answer
    ) throws {
        self.node = node
        self.script = script
        protocolIDs = [protocolID]
        try node.register(self)
    }

    /// Says that it knows nobody, and takes every record.
    static func empty(_ request: KademliaMessage) -> Answer {
        .message(KademliaMessage(kind: request.kind, key: request.key, record: request.record))
    }

    var streams: Int { log.withLock { $0.streams } }
    var requests: [KademliaMessage] { log.withLock { $0.requests } }

    /// Waits until so many requests of a kind have come.
    func wait(for kind: KademliaMessage.Kind, count: Int = 1) async -> [KademliaMessage] {
        while true {
            let found = requests.filter { $0.kind == kind }
            if found.count >= count { return found }
            guard await changed.wait() == .notified else { return found }
        }
    }

    func shutdown() async {
        isOver.set(())
        await node.shutdown()
    }

    func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
        log.withLock { $0.streams += 1 }
        var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
        do {
            while let bytes = try await stream.stream.read(upTo: 65_536) {
                for frame in try decoder.feed(bytes) {
                    let request = try KademliaMessage(decoding: frame)
                    log.withLock { $0.requests.append(request) }
                    changed.notify()
                    switch script(request) {
                    case .bytes(let bytes): try await stream.stream.write(bytes)
                    case .last(let bytes):
                        try await stream.stream.write(bytes)
                        return try await stream.stream.closeWrite()
                    case .silence: _ = await isOver.wait()
                    case .reset: return stream.stream.reset()
                    }
                }
            }
            try await stream.stream.closeWrite()
        } catch {
            stream.stream.reset()
        }
    }
}
