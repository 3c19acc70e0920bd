internal import Multiformats
internal import WireCodec

/// A DECLINE of another signer that no JOIN of it has made void.
internal struct DeclineSlot: Hashable, Sendable {
    let message: SignedMessage
    let reason: String

    func hash(into hasher: inout Hasher) {
        hasher.combine(reason)
    }
}

/// DECLINE: a signer says that it will not join. At its author it is for good; at the others it is a statement, until a JOIN of its
/// author is here.
extension SessionMachine {
    /// Whether a JOIN of this signer may be with others, from this run or an earlier one: then it aborts, and declines no more.
    internal var mayHaveJoined: Bool { hasJoinedBefore || joinedAt != nil }

    /// Ends the session here, and tells the others.
    internal mutating func decline(reason: String, _ turn: inout Turn<Crypto>) {
        guard isOpen, !mayHaveJoined else { return }
        let reason = Self.shortened(reason)
        end(.declined(OwnDecline(reason: reason)), &turn)
        let record = SessionEnd(.declined, by: me, text: reason, isAfterPartial: ledger.mayHaveSigned)
        issue(.decline(Decline(reason: reason)), attempt: 0, record: .end(record), &turn)
    }

    /// The own DECLINE is durable: it is told, goes to all peers that are there, and the others that may know the session are dialled.
    internal mutating func entered(decline message: SignedMessage, _ turn: inout Turn<Crypto>) {
        guard case .declined(var own)? = outcome else { return }
        own.message = message
        outcome = .declined(own)
        turn.tell(.declined(index: me, reason: own.reason))
        for entry in peers.entries.indices {
            connectIfNeeded(entry, isNews: true, &turn)
            showOwnDecline(toPeerAt: entry, &turn)
        }
    }

    /// Sends the own DECLINE, once on each connection. It counts as told once it was sent to a peer that a signer is at for sure: a
    /// stranger may keep it to itself.
    internal mutating func showOwnDecline(toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard case .declined(var own)? = outcome, let message = own.message, peers[at: entry].isConnected else {
            return
        }
        if peers[at: entry].isBound {
            own.isTold = true
            outcome = .declined(own)
        }
        guard !peers[at: entry].answered.contains(.abort) else { return }
        peers[at: entry].answered.insert(.abort)
        turn.send(.signed(message), to: peers.entries[entry].peer)
    }

    /// Another signer's DECLINE that is checked, by whatever peer and in whatever run: the first one is kept. One that is newer than
    /// its author's JOIN comes from a process that does not know of that JOIN: it is shown it.
    internal mutating func hearDecline(
        _ message: SignedMessage, _ decline: Decline, _ index: Int, from peer: PeerID, _ turn: inout Turn<Crypto>
    ) {
        if let join = joins[index] { return returnJoin(join.message, to: peer, &turn) }
        guard isOpen, declines[index] == nil else { return }
        declines[index] = DeclineSlot(message: message, reason: decline.reason)
        turn.tell(.declined(index: index, reason: decline.reason))
        acknowledge(to: peer, &turn)
        for entry in peers.entries.indices where peers[at: entry].wants(Slot(.joins, index)) {
            showDecline(of: index, toPeerAt: entry, &turn)
        }
    }

    /// Shows the peer that brought a DECLINE the own JOIN: its author learns that a signer has heard it.
    private mutating func acknowledge(to peer: PeerID, _ turn: inout Turn<Crypto>) {
        if let own = joins[me] { returnJoin(own.message, to: peer, &turn) }
    }

    /// A DECLINE that says nothing new: when it is the one that is held, its author has not heard the answer.
    internal mutating func acknowledgeAgain(
        _ message: SignedMessage, _ index: Int, to peer: PeerID, _ turn: inout Turn<Crypto>
    ) {
        guard declines[index]?.message == message, peers.index(of: peer) != nil else { return }
        acknowledge(to: peer, &turn)
    }

    /// Whether a DECLINE of the signer, in this run, says nothing new.
    internal func isDecided(_ index: Int, run: UInt64) -> Bool {
        joins[index].map { run <= $0.run } ?? (declines[index] != nil)
    }

    /// Answers whoever wants a JOIN that there is none of with its author's DECLINE, once per step. A JOIN that comes after it goes to
    /// the same peers.
    internal mutating func showDecline(of index: Int, toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        let slot = Slot(.joins, index)
        guard let declined = declines[index], peers[at: entry].isReachable, !peers[at: entry].sent.contains(slot)
        else { return }
        peers[at: entry].sent.insert(slot)
        turn.send(.signed(declined.message), to: peers.entries[entry].peer)
    }

    /// This signer's own DECLINE that others return: a former process declined, and the store does not say so. One that has joined
    /// since has made it void.
    internal mutating func hearOwnDecline(_ message: SignedMessage, _ turn: inout Turn<Crypto>) {
        guard isOpen, !mayHaveJoined, let decline = try? Decline(decoding: message.body.payload) else { return }
        noteHistoryLost(&turn)
        end(.declined(OwnDecline(reason: decline.reason)), &turn)
        let record = SessionEnd(
            .declined, by: me, text: decline.reason, isAfterPartial: ledger.mayHaveSigned, message: message)
        turn.effects.append(.persist(.ended(record)))
        entered(decline: message, &turn)
    }

    /// This signer's own JOIN of an earlier run, which others return to a peer that shows them its DECLINE: a former process joined, and the
    /// store does not say so. The DECLINE is void there, and the no stands: this signer aborts, as one does that has joined.
    internal mutating func hearOwnJoinAfterDecline(_ turn: inout Turn<Crypto>) {
        guard case .declined(let own)? = outcome else { return }
        noteHistoryLost(&turn)
        // The former process is known to the others, which are told whether or not they know this one.
        ledger.hasJoined = true
        outcome = nil
        abort(.notApproved, text: own.reason, evidence: nil, &turn)
    }

    /// Another signer's ABORT or DECLINE, by whatever peer, when this signer is over. One that has declined learns from the ABORT that nobody
    /// is left to tell: it may be all that is heard of a signer which ends the session as soon as it hears of the DECLINE. One that holds an
    /// ABORT answers the DECLINE with it.
    internal mutating func hearAfterEnd(_ message: SignedMessage, from peer: PeerID, _ turn: inout Turn<Crypto>) {
        switch (message.body.type, outcome) {
        case (.abort, .declined(var own)?):
            guard !own.isTold, isSigned(message) else { return }
            own.isTold = true
            outcome = .declined(own)
        case (.decline, .aborted?):
            guard let entry = peers.index(of: peer), isSigned(message) else { return }
            answerAfterEnd(peerAt: entry, &turn)
        default:
            break
        }
    }

    /// A text for people, as it is sent: at most ``SessionLimits/ownTextBytes`` of UTF-8, cut between characters.
    internal static func shortened(_ text: String) -> String {
        guard text.utf8.count > SessionLimits.ownTextBytes else { return text }
        var short = ""
        for character in text {
            guard short.utf8.count + character.utf8.count <= SessionLimits.ownTextBytes else { break }
            short.append(character)
        }
        return short
    }
}

extension SessionMachine {
    /// Whether this signer declined, and neither was its DECLINE sent to a peer that is bound to a signer, nor has another ended the session.
    public var isDeclineUntold: Bool {
        if case .declined(let own)? = outcome { !own.isTold } else { false }
    }

    /// Whether its store says that an earlier run of this signer may have joined: then it declines no more.
    public var hasJoinedBefore: Bool { ledger.hasJoined }

    /// Whether this signer declined the session.
    public var isDeclined: Bool {
        if case .declined? = outcome { true } else { false }
    }
}
