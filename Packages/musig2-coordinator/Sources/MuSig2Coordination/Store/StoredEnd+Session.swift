import MuSig2Session
import WireCodec

extension StoredEnd {
    /// The end of a machine, as a store keeps it.
    init(_ end: SessionEnd) {
        self.init(
            end.kind, by: end.by, reason: end.reason.rawValue, text: end.text, isAfterPartial: end.isAfterPartial,
            abort: end.message?.encoded())
    }
}

extension SessionEnd {
    /// The end that a store has.
    init(_ stored: StoredEnd, limits: WireLimits) throws(WireError) {
        var message: SignedMessage?
        if let abort = stored.abort { message = try SignedMessage(decoding: abort, limits: limits) }
        self.init(
            stored.kind, by: stored.by, reason: AbortReason(rawValue: stored.reason), text: stored.text,
            isAfterPartial: stored.isAfterPartial, message: message)
    }
}

extension SessionLedger {
    /// What a store has of a session, decoded.
    init(_ stored: StoredSession, limits: WireLimits) throws(WireError) {
        self.init()
        for row in stored.nonces { nonces.append(try SignedMessage(decoding: row, limits: limits)) }
        for row in stored.partials { partials.append(try SignedMessage(decoding: row, limits: limits)) }
        for (signer, row) in stored.joins { joins[signer] = try SignedMessage(decoding: row, limits: limits) }
        if let stored = stored.end { end = try SessionEnd(stored, limits: limits) }
    }
}
