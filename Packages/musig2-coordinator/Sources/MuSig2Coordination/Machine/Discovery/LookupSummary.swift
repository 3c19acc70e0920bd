import MuSig2Session
import Multiformats

/// What became of a look, in words.
extension CoordinatorMachine {
    func preview(of announced: VerifiedAnnouncement) -> SessionPreview {
        SessionPreview(
            session: announced.descriptor.id,
            descriptor: announced.descriptor,
            announcer: announced.peer,
            addresses: announced.addresses.compactMap { try? Multiaddr(bytes: $0) },
            ownIndex: announced.descriptor.signerKeys.firstIndex(of: signerKey) ?? 0
        )
    }

    /// A failure after which nothing else needs to be tried: it is about the session, not about who was asked.
    static func tellingFailure(of lookup: SessionLookups.Lookup) -> CoordinatorError? {
        guard lookup.subject.session != nil else { return nil }
        let telling: [CoordinatorError.Code] = [.sessionOver, .expired, .notASigner, .clockSkew]
        for code in telling {
            if let failure = lookup.failures.first(where: { $0.code == code }) { return failure }
        }
        return nil
    }

    /// The most telling of what went wrong.
    func summary(of lookup: SessionLookups.Lookup) -> CoordinatorError {
        if let failure = Self.tellingFailure(of: lookup) { return failure }
        let session = lookup.subject.session
        if let refused = lookup.failures.first(where: { $0.code == .announcementRefused }) { return refused }
        if !lookup.late.isEmpty {
            let unreached = lookup.late.filter { !peers.isConnected($0) }
            if unreached == lookup.late { return unreachable(unreached, session, lookup.failures.first) }
            let asked = lookup.late.subtracting(unreached).map(\.description).sorted().joined(separator: ", ")
            return CoordinatorError(
                .timedOut,
                "no answer in time from \(asked): it may not know the session, or not show it to this key; ask whoever invited "
                    + "you whether the session is still open and your key is among its signers",
                session: session, underlying: lookup.failures.first?.description)
        }
        for code in [CoordinatorError.Code.notShown, .unreachable, .lookupFailed] {
            if let failure = lookup.failures.first(where: { $0.code == code }) { return failure }
        }
        if let failure = lookup.failures.first { return failure }
        guard methods.isEmpty else {
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

    private func unreachable(_ unreached: Set<PeerID>, _ session: SessionID?, _ first: CoordinatorError?)
        -> CoordinatorError
    {
        let names = unreached.map(\.description).sorted().joined(separator: ", ")
        return CoordinatorError(
            .unreachable,
            "\(names) could not be connected within \(configuration.timeouts.hello): is it a libp2p peer, is it running, and is its "
                + "address right?",
            session: session, underlying: first?.description)
    }
}
