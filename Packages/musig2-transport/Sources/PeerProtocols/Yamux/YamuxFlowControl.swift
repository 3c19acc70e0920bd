/// The two windows of one yamux stream (yamux specification, "Flow Control").
struct YamuxFlowControl {
    /// Bytes this side may still send. 64 bits wide, as increments add up past 32.
    private(set) var sendWindow = YamuxLimits.initialWindow
    /// Bytes the other side may still send.
    private(set) var receiveWindow = YamuxLimits.initialWindow
    /// The window that credit restores.
    private var receiveTarget = YamuxLimits.initialWindow
    /// Bytes taken by the reader for which no credit was given yet.
    private var consumed: Int64 = 0

    /// How far the window of the other side has grown.
    var growth: Int64 { receiveTarget - YamuxLimits.initialWindow }

    /// Whether the reader took half a window, so that credit is due.
    var owesCredit: Bool { consumed >= receiveTarget / 2 }

    /// How many of `count` bytes may be sent.
    func sendable(_ count: Int) -> Int64 { min(Int64(count), sendWindow) }

    /// So many bytes are sent.
    mutating func sent(_ count: Int64) { sendWindow -= count }

    /// The other side grants credit.
    ///
    /// - Returns: False when the window overflows.
    mutating func granted(_ increment: UInt32) -> Bool {
        let (window, overflow) = sendWindow.addingReportingOverflow(Int64(increment))
        guard !overflow else { return false }
        sendWindow = window
        return true
    }

    /// So many bytes of a frame are to come, which the window must allow.
    mutating func announced(_ count: UInt32) { receiveWindow -= Int64(count) }

    /// The reader took so many bytes.
    mutating func consumed(_ count: Int) { consumed += Int64(count) }

    /// Makes the window larger by as much again, up to a maximum and by no more than is left.
    ///
    /// - Returns: By how much.
    mutating func grow(upTo maximum: Int64, left: Int64) -> Int64 {
        let growth = max(0, min(receiveTarget, maximum - receiveTarget, left))
        receiveTarget += growth
        consumed += growth
        return growth
    }

    /// Gives credit for what the reader took.
    ///
    /// - Returns: The increment.
    mutating func credit() -> UInt32 {
        let credit = min(consumed, Int64(UInt32.max))
        receiveWindow += credit
        consumed -= credit
        return UInt32(truncatingIfNeeded: credit)
    }
}
