import Foundation
import Multiformats
import PeerNode

/// What a running node says of itself.
struct NodeStatus: Codable, Equatable {
    /// The peer id.
    var peer: String
    /// The name of the DHT.
    var network: String
    /// Whether the node takes part in the DHT.
    var enabled: Bool
    /// What it is to the others: `client` or `server`.
    var mode: String
    /// How many peers are in the routing table.
    var routingTableSize: Int
    /// Whether searches lead somewhere.
    var isReady: Bool
    /// Where it can be reached, with `/p2p/` ends.
    var addresses: [String]
    /// To how many peers there are connections.
    var connections: Int

    /// The status of a node at this moment.
    init(_ node: PeerNode, network: String) {
        let status = node.dhtStatus
        peer = "\(node.localPeer)"
        self.network = network
        enabled = status.isEnabled
        mode = status.mode.rawValue
        routingTableSize = status.routingTableSize
        isReady = status.isReady
        addresses = node.addresses.map(\.description)
        connections = node.connectedPeers.count
    }

    /// Reads what ``text`` gave; nil if it is something else.
    init?(_ text: String) {
        guard let status = try? JSONDecoder().decode(NodeStatus.self, from: Data(text.utf8)) else { return nil }
        self = status
    }

    /// One line of JSON.
    var text: String {
        get throws { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }
    }

    /// For people.
    func lines() -> [String] {
        [
            "node        \(peer)",
            "network     \(network)",
            "mode        \(mode)",
            "ready       \(isReady ? "yes" : "no")",
            "peers       \(routingTableSize) in the routing table, \(connections) connected",
        ] + addresses.map { "address     \($0)" }
    }

    /// For programs.
    func json() -> [String: JSONValue] {
        [
            "peer": .string(peer), "network": .string(network), "enabled": .bool(enabled), "mode": .string(mode),
            "routingTableSize": .integer(routingTableSize), "isReady": .bool(isReady),
            "addresses": .strings(addresses), "connections": .integer(connections),
        ]
    }
}
