public import PeerTransport
import Synchronization

extension PeerNode {
    /// Takes part in a distributed hash table from now on. It goes on until the DHT or the node is shut down, and may then
    /// be started again.
    ///
    /// - Parameter configuration: Which network, in which mode, and where to begin.
    /// - Returns: The part of this node, which finds peers and values. In mode off it is one that finds nothing: whatever is
    ///   asked of it throws `TransportError.Code.discoveryOff`.
    /// - Throws: `TransportError.Code.invalidArgument` for a configuration that cannot work, and when the node takes part
    ///   already; `TransportError.Code.shutDown`.
    @discardableResult
    public func startDHT(_ configuration: NodeDHT.Configuration) throws(TransportError) -> NodeDHT {
        let dht = try NodeDHT(node: self, configuration: configuration)
        try dht.start()
        return dht
    }

    /// The part that the node takes in a distributed hash table; nil when it takes none.
    public var dht: NodeDHT? { state.withLock { $0.dht } }

    /// What the distributed hash table of the node is like now: off when it takes no part.
    public var dhtStatus: DHTStatus { dhtBoard.status }

    /// The status of the distributed hash table now, and then each that is new, also when it is started or ends. A reader
    /// that is slow misses some in between, never the last.
    ///
    /// - Returns: A sequence for one reader, which ends only with it.
    public func dhtStatusUpdates() -> AsyncStream<DHTStatus> { dhtBoard.updates() }

    /// Waits until the node has found its place in the distributed hash table.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: `TransportError.Code.notReady` when that is over, `TransportError.Code.discoveryOff` when the node takes
    ///   no part, or its part ends.
    public func waitUntilReady(timeout: Duration) async throws(TransportError) {
        let board = dhtBoard
        let isReady = try await withDeadline(
            timeout,
            by: configuration.timeSource,
            onTimeout: { () -> TransportError in
                let status = board.status
                return TransportError(
                    .notReady,
                    "the DHT is not ready after \(timeout): \(status.routingTableSize) peers in the routing table"
                        + (status.lack.map { ", it lacks \($0.text)" } ?? "")
                )
            },
            discard: { (_: Bool) in },
            { () async throws(TransportError) -> Bool in
                for await status in board.updates() where status.isReady || !status.isEnabled { return status.isReady }
                throw TransportError(.cancelled, "the task that waited for the DHT was cancelled")
            }
        )
        guard isReady else { throw NodeDHT.offError }
    }

    /// Notes that a part begins.
    func dhtBegins(_ dht: NodeDHT) throws(TransportError) {
        try state.withLock { state throws(TransportError) in
            guard !state.isShutDown else { throw Self.shutDownError }
            guard state.dht == nil else {
                throw TransportError(.invalidArgument, "the node takes part in a DHT already")
            }
            state.dht = dht
        }
    }

    /// Notes that a part has ended.
    func dhtEnded(_ dht: NodeDHT) {
        state.withLock { state in
            guard state.dht === dht else { return }
            state.dht = nil
            dhtBoard.set(.off)
        }
    }
}
