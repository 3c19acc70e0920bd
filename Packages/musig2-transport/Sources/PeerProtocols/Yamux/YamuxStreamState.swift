/// What yamux itself must know of one open stream: windows and closed halves.
struct YamuxStreamState {
    /// Bytes this side may still send. 64 bits wide, as increments add up past 32.
    var sendWindow: Int64
    /// Bytes the other side may still send.
    var receiveWindow: Int64
    /// The window that credit restores.
    var receiveTarget: Int64
    /// Bytes taken by the reader for which no credit was given yet.
    var consumed: Int64 = 0
    var isInbound: Bool
    /// Whether the other side has sent bytes on it.
    var isUsed = false
    /// Outbound only: whether the other side has answered at all.
    var isAcknowledged: Bool
    var localClosed = false
    var remoteClosed = false

    /// So many bytes of a frame are to come.
    mutating func expect(_ count: UInt32) {
        receiveWindow -= Int64(count)
        if count > 0 { isUsed = true }
    }
}
