import PeerNode
import PeerTransport

/// What the DHT of a node finds, asked of the node with each call: the DHT begins after the coordinator is made.
struct NodeDiscovery: PeerDiscovery, ValueDiscovery {
    let node: PeerNode

    private func dht() throws(TransportError) -> NodeDHT {
        guard let dht = node.dht else {
            throw TransportError(.discoveryOff, "the node takes no part in a DHT")
        }
        return dht
    }

    func publish(_ key: [UInt8], for lifetime: Duration) async throws(TransportError) {
        try await dht().publish(key, for: lifetime)
    }

    func withdraw(_ key: [UInt8]) async {
        await node.dht?.withdraw(key)
    }

    func lookup(_ key: [UInt8], limit: Int) async throws(TransportError) -> [DiscoveredPeer] {
        try await dht().lookup(key, limit: limit)
    }

    func publish(_ value: [UInt8], at key: [UInt8], for lifetime: Duration) async throws(TransportError) {
        try await dht().publish(value, at: key, for: lifetime)
    }

    func withdrawValue(at key: [UInt8]) async {
        await node.dht?.withdrawValue(at: key)
    }

    func value(at key: [UInt8]) async throws(TransportError) -> DiscoveredValue? {
        try await dht().value(at: key)
    }
}
