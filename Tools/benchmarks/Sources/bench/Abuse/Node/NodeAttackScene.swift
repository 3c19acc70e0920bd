import Foundation
import Multiformats
import PlainClient
import Secp256k1
import Synchronization
import WireCodec

/// A node of its own network on this machine, with a home folder that ends with it.
final class NodeAttackScene: Sendable {
    /// The node's network, and the stream protocol of its DHT.
    private static let network = "abuse"
    static let prefix = "/\(network)"
    static let kademlia = prefix + "/kad/1.0.0"

    // Both are used by the attacker once it has begun, and change no more then.
    nonisolated(unsafe) private(set) var node: NodeProcess
    nonisolated(unsafe) private(set) var endpoint: PlainEndpoint
    private let program: URL
    private let bootstrap: [String]
    private let home: URL
    private let isStopped = Atomic(false)

    /// Starts a node.
    ///
    /// - Parameters:
    ///   - program: The `musig2` command.
    ///   - bootstrap: Where the node begins.
    init(_ program: URL, _ bootstrap: [String]) throws {
        self.home = FileManager.default.temporaryDirectory.appending(component: "musig2-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: self.home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        self.program = program
        self.bootstrap = bootstrap
        self.node = try Self.start(program, bootstrap, self.home)
        self.endpoint = try self.node.endpoint()
    }

    private static func start(_ program: URL, _ bootstrap: [String], _ home: URL) throws -> NodeProcess {
        try NodeProcess(
            program,
            ["node", "--listen", "/ip4/127.0.0.1/tcp/0", "--network", Self.network, "--home", home.path]
                + bootstrap.flatMap { ["--bootstrap", $0] })
    }

    /// Where the node listens, with its peer id.
    var address: Multiaddr {
        get throws { try Multiaddr(self.node.addresses.first ?? "") }
    }

    /// Ends the node, and starts it again in its home, with nothing to begin with but what it remembers.
    func restart() throws {
        try self.node.end()
        self.node = try Self.start(self.program, [], self.home)
        self.endpoint = try self.node.endpoint()
    }

    /// The peers that the node names, asked for those next to so many keys.
    func namedPeers(askingFor keys: Int = 16) throws -> Set<PeerID> {
        let asker = try self.stranger()
        var named: Set<PeerID> = []
        for _ in 0..<keys {
            let request = KademliaMessage(kind: .findNode, key: AttackScene.random().bytes)
            guard
                let stream = try asker.start(Self.kademlia, sending: FrameEncoder.encode(request.encoded())),
                let answer = try asker.answer(on: stream)
            else { continue }
            named.formUnion(try KademliaMessage(decoding: answer).closerPeers.map { try PeerID(bytes: $0.id) })
        }
        return named
    }

    /// Whether the attack is to end.
    var isOver: Bool { self.isStopped.load(ordering: .relaxed) }

    /// Ends the attack.
    func stop() { self.isStopped.store(true, ordering: .relaxed) }

    /// Ends the node, which must still be there.
    func end() throws {
        try self.node.end()
        try FileManager.default.removeItem(at: self.home)
    }

    /// A stranger that has come in, from an address of this machine.
    func stranger(from host: UInt32? = nil, reading systemBuffer: CInt? = nil) throws -> PlainConnection {
        var options = PlainOptions.attacker
        options.sourceHost = host
        options.systemBuffer = systemBuffer
        return try PlainConnection(to: self.endpoint, as: PlainIdentity(muxer: .early), options)
    }
}
