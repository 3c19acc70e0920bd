/// Bounds of one yamux session.
public struct YamuxLimits: Sendable {
    /// What every stream starts with, each way: fixed by the protocol, 256 KiB.
    public static let initialWindow: Int64 = 262_144

    /// How many bytes a reader takes before the session is told. With it, at most three quarters of a window can be
    /// uncredited: this much here, and less than half a window in the session.
    public static let creditStep = 65_536

    /// How many streams the other side may have open.
    public var maximumInboundStreams = 256
    /// How many streams this side may have open.
    public var maximumOutboundStreams = 256
    /// How many opened streams may wait for an answer: the protocol's backlog.
    package var maximumUnacknowledged = 256
    /// How far the window of one stream grows when its reader keeps up.
    package var maximumWindow: Int64 = 16_777_216
    /// How much the windows of all streams together may have grown.
    package var growth: Int64 = 16_777_216
    /// How many answers to pings that were never sent are passed over from one of our pings to the next. A peer in good order
    /// sends none, a late one perhaps one.
    package var maximumUnsolicitedPongs = 16
    /// How many frames that carry nothing are taken from one of our pings to the next: pings, resets of streams that were not
    /// used, data without bytes, credit of 0, streams above the limit. They cost their sender next to nothing. One with each read from the socket does not count, so
    /// that a peer that waits for the answer to each ping may go on for ever.
    package var maximumEmptyFrames = 4096
    /// The longest body of a data frame sent: with its header it fills one Noise message.
    package var maximumFrameBody = NoiseFraming.maximumPlaintext - YamuxHeader.byteCount

    /// The limits of this library.
    public init() {}
}
