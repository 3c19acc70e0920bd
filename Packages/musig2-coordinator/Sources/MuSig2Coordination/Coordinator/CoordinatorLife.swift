@_spi(Waiting) import PeerTransport

/// Where a coordinator is in its life.
struct CoordinatorLife {
    enum Phase: Sendable, Hashable {
        case new
        case starting
        case running
        case stopping
        case stopped
    }

    var phase = Phase.new
    /// Takes the network's events, where no task of the application does.
    var drain: Task<Void, Never>?
    /// Set when nothing is left to be told; nil: nothing waits for that.
    var lingerEnd: OneShot<Void>?
}
