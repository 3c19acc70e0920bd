import FlowKit
import KademliaDHT
import Multiformats
import PeerNode
import PeerTransport

/// A pair of nodes that serve one DHT, each of them known to the other.
struct KademliaPair: Sendable {
    /// The namespace of the tests' values.
    static let namespace = "interop"
    /// What the network of the tests is called.
    static let ownPrefix = "/musig2-interop"

    let pair: Pair
    let dht: NodeDHT
    private let prefix: String

    var ours: OurNode { pair.ours }
    var theirs: PythonNode { pair.theirs }

    /// Makes the pair, and ends it after `body`.
    ///
    /// If we dial, our node begins at theirs; if they dial, it learns of their node's part by identify alone.
    ///
    /// - Parameters:
    ///   - setting: How the nodes meet.
    ///   - prefix: What the network is called.
    ///   - prepare: What their node does before it meets ours.
    ///   - body: What is tested.
    static func connected(
        _ setting: Setting,
        prefix: String = ownPrefix,
        prepare: @escaping @Sendable (PythonNode) async throws -> Void = { _ in },
        _ body: @escaping @Sendable (KademliaPair) async throws -> Void
    ) async throws {
        try await Pair.connected(setting, dht: pythonDHT(prefix), prepare: prepare) { pair in
            let bootstrap = setting.direction == .weDial ? pair.theirs.addresses : []
            let dht = try pair.ours.startDHT(prefix: prefix, bootstrap: bootstrap)
            let both = KademliaPair(pair: pair, dht: dht, prefix: prefix)
            try await both.ours.knowsInDHT(1)
            try await body(both)
        }
    }

    private static func pythonDHT(_ prefix: String) -> PythonDHT {
        PythonDHT(protocolID: ProtocolID("\(prefix)/kad/1.0.0"), namespaces: [namespace])
    }

    /// A further node of py-libp2p in the network. It knows the peer that it connects to, and no other.
    ///
    /// - Parameters:
    ///   - addresses: Where it connects to.
    ///   - setting: Where it listens, and its kind of key.
    ///   - body: What is tested with it.
    func further(
        at addresses: [Multiaddr], _ setting: Setting, _ body: (PythonNode) async throws -> Void
    ) async throws {
        let node = try await PythonNode(
            key: setting.key.rawValue, listen: [setting.listenAddress], dht: Self.pythonDHT(prefix))
        do {
            for address in addresses.prefix(1) { try await node.call("connect", ["to": "\(address)"]) }
            try await body(node)
        } catch {
            try await node.call("stop")
            throw error
        }
        try await node.call("stop")
    }

    /// A further node of ours in the network, which begins at the one of the pair.
    func furtherOfOurs(_ setting: Setting, _ body: (OurNode) async throws -> Void) async throws {
        let node = try await OurNode(identity: setting.identity(), listen: [setting.listenAddress])
        do {
            _ = try node.startDHT(prefix: prefix, bootstrap: ours.node.addresses)
            try await node.knowsInDHT(1)
            try await body(node)
        } catch {
            await node.node.shutdown()
            throw error
        }
        await node.node.shutdown()
    }
}

/// Anything goes, and the greater is the better: as the nodes of py-libp2p have it.
struct Highest: ValueRules {
    func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool { !value.isEmpty }

    func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool {
        right.lexicographicallyPrecedes(left)
    }
}

extension OurNode {
    /// Serves a DHT, in which loopback addresses count.
    func startDHT(prefix: String, bootstrap: [Multiaddr]) throws -> NodeDHT {
        var configuration = NodeDHT.Configuration(mode: .server, prefix: prefix, bootstrap: bootstrap)
        configuration.addresses = .any
        configuration.rules = [KademliaPair.namespace: Highest()]
        return try node.startDHT(configuration)
    }

    /// Waits until so many nodes are in the routing table.
    func knowsInDHT(_ count: Int) async throws {
        let node = node
        try await bounded("\(count) nodes in our routing table") {
            for await status in node.dhtStatusUpdates() where status.routingTableSize >= count { return }
            throw CancellationError()
        }
    }
}
