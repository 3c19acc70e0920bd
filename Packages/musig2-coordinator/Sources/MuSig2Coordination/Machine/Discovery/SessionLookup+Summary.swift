import MuSig2Session
import Multiformats

/// What became of a lookup, in words.
extension SessionLookup {
    /// The most telling of what went wrong.
    ///
    /// - Parameters:
    ///   - unreached: Those of the late peers that are not connected.
    ///   - hasDiscovery: Whether this node has any method of discovery.
    ///   - patience: How long a peer may take to connect and to answer.
    /// - Returns: The error.
    func summary(unreached: Set<PeerID>, hasDiscovery: Bool, patience: Duration) -> CoordinatorError {
        if let failure = tellingFailure { return failure }
        let session = subject.session
        if let refused = failure(of: [.announcementRefused]) { return refused }
        if !peers.late.isEmpty {
            if unreached == peers.late { return unreachable(unreached, patience: patience) }
            let asked = peers.late.subtracting(unreached).map(\.description).sorted().joined(separator: ", ")
            return CoordinatorError(
                .timedOut,
                "no answer in time from \(asked): it may not know the session, or not show it to this key; ask whoever invited "
                    + "you whether the session is still open and your key is among its signers",
                session: session, underlying: findings.failures.first?.description)
        }
        if let failure = failure(of: [.notShown, .unreachable, .lookupFailed]) ?? findings.failures.first {
            return failure
        }
        guard !hasDiscovery else {
            return CoordinatorError(
                .notFound,
                "nobody was found who shows the session: is its id right, is it open, and is this node in the same network as the "
                    + "others?",
                session: session)
        }
        return CoordinatorError(
            .unreachable,
            "nobody to ask: no invitation names an address, and this node has no discovery", session: session)
    }

    private func unreachable(_ unreached: Set<PeerID>, patience: Duration) -> CoordinatorError {
        let names = unreached.map(\.description).sorted().joined(separator: ", ")
        return CoordinatorError(
            .unreachable,
            "\(names) could not be connected within \(patience): is it a libp2p peer, is it running, and is its address right?",
            session: subject.session, underlying: findings.failures.first?.description)
    }
}
