import PeerTransport

/// Why a connection ends: in good order, or by a failure of this side's finding.
struct ConnectionEnding {
    private var isOrderly = false
    private var failure: TransportError?

    /// One side has said that it goes.
    mutating func isAnnounced() { isOrderly = true }

    /// This side ends the connection for a reason.
    mutating func failed(_ error: TransportError) { failure = error }

    /// What open streams fail with, by what became of the channel.
    func failure(of error: TransportError) -> TransportError { failure ?? error }

    /// What the users of the connection are told, by what became of the channel: nil after an end in good order.
    func reason(of error: TransportError) -> TransportError? { isOrderly && failure == nil ? nil : failure ?? error }
}
