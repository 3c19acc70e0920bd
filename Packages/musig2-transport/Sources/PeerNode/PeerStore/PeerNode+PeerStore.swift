import Logging
public import Multiformats
import PeerTransport
import Synchronization
import WireCodec

extension PeerNode {
    /// The peers of which the node remembers anything, connected or not.
    public var knownPeers: [PeerID] { peerStore.withLock { Array($0.peers.keys) } }

    /// Where the node would try to reach a peer: what it remembers and has not expired, the most promising first.
    ///
    /// - Parameter peer: The peer.
    /// - Returns: Addresses without the `/p2p/` end; none when nothing is known.
    public func knownAddresses(of peer: PeerID) -> [Multiaddr] {
        let now = configuration.timeSource.now().wallMilliseconds
        return peerStore.withLock { $0.addresses(of: peer, at: now) }
    }

    /// Remembers for a while where a peer is said to be, by an invitation or another peer. What the peer itself says counts
    /// for more.
    ///
    /// - Parameters:
    ///   - addresses: Where it is said to be reached; ones that name another peer are left out.
    ///   - peer: The peer.
    public func addAddresses(_ addresses: [Multiaddr], of peer: PeerID) {
        let now = configuration.timeSource.now().wallMilliseconds
        let own = addresses.filter { $0.peerID == nil || $0.peerID == peer }
        peerStore.withLock { $0.add(own, of: peer, from: .hint, at: now) }
        peersChanged()
    }

    /// Peers with an address that have said that they speak a protocol, to begin with: see
    /// ``PeerStore/servers(speaking:limit:using:)``.
    ///
    /// - Returns: The peer, its addresses, and whether anything speaks for the peer but itself.
    func knownPeers(
        speaking protocolID: ProtocolID, limit: Int
    ) -> [(peer: PeerID, addresses: [Multiaddr], isProven: Bool)] {
        var generator = SystemRandomNumberGenerator()
        let now = configuration.timeSource.now().wallMilliseconds
        return peerStore.withLock { store in
            store.servers(speaking: protocolID, limit: limit, using: &generator).map { peer in
                let isProven = store.peers[peer].map { PeerStore.worth(of: $0) == .proven } ?? false
                return (peer, store.addresses(of: peer, at: now), isProven)
            }
        }
    }

    /// A peer answered on a connection that this node has dialled: a peer that does so day after day is begun with after a restart.
    func noteProof(of peer: PeerID) {
        let now = configuration.timeSource.now().wallMilliseconds
        peerStore.withLock { $0.noteProof(peer, at: now) }
        peersChanged()
    }

    // MARK: Persistence

    /// Takes over what was saved. Whatever is wrong with it, the node begins without.
    func restorePeers() {
        guard let persistence = configuration.peerStorePersistence else { return }
        let now = configuration.timeSource.now().wallMilliseconds
        do throws(TransportError) {
            guard let bytes = try persistence.load() else { return }
            let snapshot = try Self.snapshot(bytes)
            peerStore.withLock { $0.restore(snapshot.peers, at: now) }
            identify.withLock { $0.restore(lastSequence: snapshot.lastSequence) }
            logger.debug("known peers read", metadata: ["peers": "\(snapshot.peers.count)"])
        } catch {
            metrics.peerStoreFailed()
            logger.warning("known peers not read: the node begins without", metadata: ["error": "\(error)"])
        }
    }

    private static func snapshot(_ bytes: [UInt8]) throws(TransportError) -> PeerStoreSnapshot {
        do throws(WireError) {
            return try PeerStoreSnapshot(bytes)
        } catch {
            throw TransportError(
                .peerStoreFile, "known peers: expected what a node has saved, found other bytes",
                underlying: error.description)
        }
    }

    /// Lets what is known be saved in a while, together with what changes until then.
    func peersChanged() {
        guard configuration.peerStorePersistence != nil else { return }
        let isFirst = state.withLock { state in
            guard state.saving == nil, !state.isShutDown else { return false }
            state.saving = Task { [weak self, configuration] in
                do {
                    try await configuration.timeSource.sleep(configuration.peerStoreSaveInterval)
                } catch {
                    return
                }
                self?.savePeers()
            }
            return true
        }
        if isFirst { logger.trace("known peers changed") }
    }

    /// Saves what is known now.
    func savePeers() {
        guard let persistence = configuration.peerStorePersistence else { return }
        state.withLock { state in
            state.saving?.cancel()
            state.saving = nil
        }
        let now = configuration.timeSource.now().wallMilliseconds
        let store = peerStore.withLock { store in
            store.prune(at: now)
            return store
        }
        let snapshot = PeerStoreSnapshot(of: store, lastSequence: identify.withLock { $0.lastSequence })
        do throws(TransportError) {
            try persistence.save(snapshot.bytes)
        } catch {
            metrics.peerStoreFailed()
            logger.warning("known peers not saved", metadata: ["error": "\(error)"])
        }
    }
}
