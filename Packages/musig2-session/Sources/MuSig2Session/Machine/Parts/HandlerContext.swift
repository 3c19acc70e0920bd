import Multiformats

/// One call of `SessionMachine.handle`: the time, the effects so far, and the SYNCs that are due at its end.
struct HandlerContext<Crypto: SessionCrypto> {
    let now: Now
    private(set) var effects: [SessionEffect<Crypto.Context>] = []
    /// Peers that are due a SYNC, by what for: those that just connected are asked in any case, the others if the wants
    /// grew.
    var connectedPeers: [PeerID] = []
    var asksAll = false
    /// Signers are asked for their own messages too, which come without asking unless they were lost.
    var asksOwners = false
    /// The SYNCs of this call carry the leaves.
    var disputes = false

    init(now: Now) {
        self.now = now
    }

    mutating func add(_ effect: SessionEffect<Crypto.Context>) {
        effects.append(effect)
    }

    mutating func tell(_ event: SessionEvent) {
        effects.append(.event(event))
    }

    /// Adds to the last bundle for the peer if nothing else came between.
    mutating func send(_ item: SessionItem, to peer: PeerID) {
        // The bundle is taken out, so that it grows in place: an answer to a SYNC may have thousands of items.
        guard case .send(_, let last)? = effects.last, last == peer, case .send(var items, _)? = effects.popLast()
        else { return effects.append(.send([item], to: peer)) }
        items.append(item)
        effects.append(.send(items, to: peer))
    }

    /// Counts something against a peer.
    mutating func penalize(_ peer: PeerID, _ offense: SessionOffense) {
        effects.append(.penalize(peer, offense))
    }
}
