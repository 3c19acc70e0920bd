import KademliaDHT
import Logging
public import Multiformats
public import PeerTransport

extension NodeDHT: PeerDiscovery {
    /// Says to the world that this node provides a key, and goes on saying so until the lifetime is over or the key is
    /// withdrawn. When this throws, nothing more is said.
    ///
    /// - Parameters:
    ///   - key: The multihash bytes of the key, 1 to 80 of them.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError.Code.notStored` when nobody took the record, `TransportError.Code.notReady`,
    ///   `TransportError.Code.discoveryOff`, `TransportError.Code.noAnswer`, `TransportError.Code.limitExceeded`,
    ///   `TransportError.Code.invalidArgument`.
    public func publish(_ key: [UInt8], for lifetime: Duration) async throws(TransportError) {
        try await waitUntilReady(timeout: configuration.readyTimeout)
        guard case .provided(let servers) = try await outcome(of: .provide(key, for: lifetime)), servers > 0 else {
            throw TransportError(.notStored, "nobody took the provider record")
        }
    }

    /// Stops providing a key. Records given out run out.
    ///
    /// - Parameter key: The multihash bytes of the key.
    public func withdraw(_ key: [UInt8]) async {
        await stop(.stopProviding(key))
    }

    /// Looks for peers that provide a key. This node itself is not among them.
    ///
    /// - Parameters:
    ///   - key: The multihash bytes of the key, 1 to 80 of them.
    ///   - limit: The most peers to return.
    /// - Returns: Peers with what is known of their addresses, those that more nodes named first; none when nobody that was
    ///   asked knows one. A hint: nothing here is proven.
    /// - Throws: `TransportError.Code.notReady`, `TransportError.Code.discoveryOff`, `TransportError.Code.noAnswer`,
    ///   `TransportError.Code.limitExceeded`, `TransportError.Code.invalidArgument`.
    public func lookup(_ key: [UInt8], limit: Int) async throws(TransportError) -> [DiscoveredPeer] {
        guard limit > 0 else { return [] }
        try await waitUntilReady(timeout: configuration.readyTimeout)
        // One more, since this node may be among them.
        let wanted = limit == .max ? limit : limit + 1
        guard case .providers(let providers) = try await outcome(of: .findProviders(key, limit: wanted)) else {
            return []
        }
        let others = providers.filter { $0.peer != node.localPeer }
        return others.prefix(limit).map { DiscoveredPeer(peer: $0.peer, addresses: $0.addresses, age: $0.age) }
    }
}

extension NodeDHT: ValueDiscovery {
    /// Stores a value, and goes on renewing it until the lifetime is over or the key is withdrawn. When this throws, it is
    /// not renewed.
    ///
    /// - Parameters:
    ///   - value: The bytes to store, at most 60 KiB.
    ///   - key: The name, as `/namespace/id`, at most 128 bytes.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError.Code.notStored` when nobody took the value or a better one is known,
    ///   `TransportError.Code.invalidArgument` when it does not satisfy the rules of its namespace, or no rules are known;
    ///   `TransportError.Code.notReady`, `TransportError.Code.discoveryOff`, `TransportError.Code.noAnswer`,
    ///   `TransportError.Code.limitExceeded`.
    public func publish(_ value: [UInt8], at key: [UInt8], for lifetime: Duration) async throws(TransportError) {
        try await waitUntilReady(timeout: configuration.readyTimeout)
        let outcome = try await outcome(of: .putValue(key, value: value, for: lifetime))
        guard case .stored(let servers) = outcome, servers > 0 else {
            throw TransportError(.notStored, "nobody took the value")
        }
    }

    /// Stops renewing a value. What others hold runs out.
    ///
    /// - Parameter key: The name.
    public func withdrawValue(at key: [UInt8]) async {
        await stop(.stopPutting(key))
    }

    /// Reads the best value under a name, by the rules of its namespace.
    ///
    /// - Parameter key: The name, as `/namespace/id`, at most 128 bytes.
    /// - Returns: The value, or nil when no peer that was asked holds a valid one.
    /// - Throws: `TransportError.Code.invalidArgument` when no rules are known for the namespace,
    ///   `TransportError.Code.notReady`, `TransportError.Code.discoveryOff`, `TransportError.Code.noAnswer`,
    ///   `TransportError.Code.limitExceeded`.
    public func value(at key: [UInt8]) async throws(TransportError) -> DiscoveredValue? {
        try await waitUntilReady(timeout: configuration.readyTimeout)
        guard case .value(let value?) = try await outcome(of: .getValue(key, quorum: 0)) else { return nil }
        return DiscoveredValue(value: value.bytes, age: value.age)
    }
}

extension NodeDHT {
    /// Looks for the addresses of a peer.
    ///
    /// - Parameter peer: The peer.
    /// - Returns: Where it is said to be, or nothing when no peer that was asked knew.
    /// - Throws: `TransportError.Code.notReady`, `TransportError.Code.discoveryOff`, `TransportError.Code.noAnswer`,
    ///   `TransportError.Code.limitExceeded`.
    public func addresses(of peer: PeerID) async throws(TransportError) -> [Multiaddr] {
        try await waitUntilReady(timeout: configuration.readyTimeout)
        guard case .peer(let contact?, _) = try await outcome(of: .findPeer(peer)) else { return [] }
        return contact.addresses
    }

    private func outcome(of operation: Kademlia.Operation) async throws(TransportError) -> Kademlia.Outcome {
        let outcome = try await perform(operation)
        guard case .failed(let failure) = outcome else { return outcome }
        throw Self.error(of: failure)
    }

    private func stop(_ operation: Kademlia.Operation) async {
        do throws(TransportError) {
            _ = try await perform(operation)
        } catch {
            // A DHT that is over renews nothing.
            logger.debug("DHT record not withdrawn", metadata: ["error": "\(error)"])
        }
    }

    private static func error(of failure: Kademlia.OperationFailure) -> TransportError {
        switch failure {
        case .noPeers: TransportError(.noAnswer, "no node of the DHT answered")
        case .notStored: TransportError(.notStored, "nodes of the DHT answered, but none took the record")
        case .refused:
            TransportError(.notStored, "the nodes of this network refuse such values: they keep none of this namespace")
        case .olderValue: TransportError(.notStored, "a better value is known under this key")
        case .noAddresses:
            TransportError(.notStored, "this node has no address at which others of this network could reach it")
        case .invalidKey:
            TransportError(.invalidArgument, "key: expected 1 to 80 bytes, or /namespace/id of at most 128 for a value")
        case .valueTooLong: TransportError(.invalidArgument, "value: longer than the limit")
        case .unknownNamespace: TransportError(.invalidArgument, "key: no rules are known for its namespace")
        case .invalidValue: TransportError(.invalidArgument, "value: not valid by the rules of its namespace")
        case .tooMany: TransportError(.limitExceeded, "too many operations or publications at once")
        case .duplicateOperation: TransportError(.invalidArgument, "the operation runs already")
        }
    }
}
