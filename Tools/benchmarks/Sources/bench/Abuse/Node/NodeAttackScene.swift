import Foundation
import PlainClient
import Synchronization

/// A node of its own network on this machine, with a home folder that ends with it.
final class NodeAttackScene: Sendable {
    /// The node's network, and the stream protocol of its DHT.
    private static let network = "abuse"
    static let kademlia = "/abuse/kad/1.0.0"

    // It is used from one thread at a time: that of the benchmark.
    nonisolated(unsafe) let node: NodeProcess
    let endpoint: PlainEndpoint
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
        self.node = try NodeProcess(
            program,
            ["node", "--listen", "/ip4/127.0.0.1/tcp/0", "--network", Self.network, "--home", self.home.path]
                + bootstrap.flatMap { ["--bootstrap", $0] })
        self.endpoint = try self.node.endpoint()
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
