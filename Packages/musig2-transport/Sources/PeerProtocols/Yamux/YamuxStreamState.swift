/// What yamux itself must know of one open stream: windows and closed halves.
struct YamuxStreamState {
    var flow = YamuxFlowControl()
    let isInbound: Bool
    /// Whether the other side has sent bytes on it.
    private(set) var isUsed = false
    /// Outbound only: whether the other side has answered at all.
    var isAcknowledged: Bool
    var localClosed = false
    var remoteClosed = false

    init(isInbound: Bool) {
        self.isInbound = isInbound
        isAcknowledged = isInbound
    }

    /// So many bytes of a frame are to come.
    mutating func expect(_ count: UInt32) {
        flow.announced(count)
        if count > 0 { isUsed = true }
    }
}
