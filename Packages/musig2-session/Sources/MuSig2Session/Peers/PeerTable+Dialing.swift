import Multiformats

/// Which peers are dialed, and where.
extension PeerTable {
    /// Whether this signer dials a peer. In a mesh it dials everyone; in a star only the coordinators are dialed, and by
    /// them: the one of this attempt and the one before, through which the others are reached until this one is. A peer that
    /// was introduced may know which they are.
    private func isDialed<Crypto>(_ entry: Int, _ slots: SlotTable<Crypto>) -> Bool {
        if !slots.isStar || slots.isCoordinator || self[at: entry].introduction != nil { return true }
        let attempt = slots.attempt.number
        return [attempt, attempt - 1].contains { number in
            number > 0
                && slots.constants.order.coordinator(ofAttempt: number).map { self[at: entry].isNamed(by: $0) } ?? false
        }
    }

    /// The peers that this signer dials now.
    func dialed<Crypto>(_ slots: SlotTable<Crypto>) -> [PeerID] {
        entries.indices.filter { isDialed($0, slots) }.map { entries[$0].peer }
    }

    /// Whether a peer is dialed and not connected; false for one that is not here.
    func isAway<Crypto>(_ peer: PeerID, _ slots: SlotTable<Crypto>) -> Bool {
        guard let entry = index(of: peer) else { return false }
        return !self[at: entry].isConnected && isDialed(entry, slots)
    }

    /// Where a peer may be: as the signers say that it showed the JOIN of, then as it was introduced, then as those say that
    /// only named it. Nobody replaces what another one said.
    private func addresses<Crypto>(_ entry: Int, _ slots: SlotTable<Crypto>) -> [[UInt8]] {
        let state = self[at: entry]
        var addresses: [[UInt8]] = []
        func add(_ more: [[UInt8]]) {
            for address in more where !addresses.contains(address) { addresses.append(address) }
        }
        func addJoins(ofPresented isPresented: Bool) {
            for binding in state.bindings where binding.isPresented == isPresented {
                add(slots.joins[binding.signer]?.addresses ?? [])
            }
        }
        addJoins(ofPresented: true)
        add(state.introduction?.addresses ?? [])
        addJoins(ofPresented: false)
        return addresses
    }

    /// Asks for a connection to a peer that this signer dials and that is not connected.
    func connect<Crypto>(
        _ entry: Int, isNews: Bool = false, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        guard !self[at: entry].isConnected, isDialed(entry, slots) else { return }
        let request = DialRequest(
            addresses: addresses(entry, slots), isBound: self[at: entry].isBound, isNews: isNews)
        context.add(.connect(entries[entry].peer, request))
    }

    func connectAll<Crypto>(_ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>) {
        for entry in entries.indices { connect(entry, slots, &context) }
    }

    /// Says that a peer is bound, and asks to be told that it is connected: it is, since it showed its JOIN.
    func meet<Crypto>(
        _ entry: Int, isRunning: Bool, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        let peer = entries[entry].peer
        guard isRunning, isDialed(entry, slots) else { return context.add(.watch(peer)) }
        let request = DialRequest(addresses: addresses(entry, slots), isBound: true, isNews: true)
        context.add(.connect(peer, request))
    }

    /// Dials those no longer that were dialed and are not any more: the coordinators of earlier attempts.
    func stopDialing<Crypto>(
        _ former: [PeerID], _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        for peer in former {
            guard let entry = index(of: peer), !isDialed(entry, slots) else { continue }
            context.add(self[at: entry].isBound ? .watch(peer) : .release(peer))
        }
    }
}
