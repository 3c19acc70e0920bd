public import KademliaDHT

/// What the distributed hash table of a node is like at a moment.
public struct DHTStatus: Sendable, Hashable {
    /// What the node is to the others.
    public var mode: NodeDHT.Configuration.Mode

    /// How many peers are in the routing table.
    public var routingTableSize: Int

    /// Whether the node has found its place in the network, so that searches lead somewhere: servers have answered, and among
    /// them one that the user has named or that was reliable before, so that they are not all strangers that came for this node.
    public var isReady: Bool

    /// What a node lacks that takes part and is not ready.
    public var lack: Kademlia.Lack?

    /// Whether the node takes part at all.
    public var isEnabled: Bool { mode != .off }

    /// The status of a node that takes no part.
    public static let off = DHTStatus(mode: .off, routingTableSize: 0, isReady: false)

    /// Makes a status.
    ///
    /// - Parameters:
    ///   - mode: What the node is to the others.
    ///   - routingTableSize: How many peers are in the routing table.
    ///   - isReady: Whether searches lead somewhere.
    ///   - lack: What it lacks, if it is not ready.
    public init(
        mode: NodeDHT.Configuration.Mode, routingTableSize: Int, isReady: Bool, lack: Kademlia.Lack? = nil
    ) {
        self.lack = lack
        self.mode = mode
        self.routingTableSize = routingTableSize
        self.isReady = isReady
    }
}
