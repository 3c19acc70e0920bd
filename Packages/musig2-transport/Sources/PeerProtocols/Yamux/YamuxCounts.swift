/// How many streams of a session each side has open, and the ids of this side's.
struct YamuxCounts {
    private(set) var inbound = 0
    private(set) var outbound = 0
    /// Streams of this side that the other side has not answered.
    private(set) var unacknowledged = 0
    /// The id of this side's next stream; nil when all are used.
    private var nextID: UInt32?

    init(role: YamuxSession.Role) {
        nextID = role == .client ? 1 : 2
    }

    /// The other side opened a stream.
    mutating func openedByPeer() { inbound += 1 }

    /// Opens a stream of this side.
    ///
    /// - Returns: Its id, or nil when all are used.
    mutating func open() -> UInt32? {
        guard let id = nextID else { return nil }
        let (next, overflow) = id.addingReportingOverflow(2)
        nextID = overflow ? nil : next
        outbound += 1
        unacknowledged += 1
        return id
    }

    /// The other side answered a stream of this side.
    mutating func acknowledged() { unacknowledged -= 1 }

    /// A stream is forgotten.
    mutating func removed(_ stream: YamuxStreamState) {
        if stream.isInbound {
            inbound -= 1
        } else {
            outbound -= 1
            if !stream.isAcknowledged { unacknowledged -= 1 }
        }
    }
}

/// What a peer sends that costs it nothing, counted from one ping of this side to the next.
struct YamuxIdleFrames {
    /// The value of a ping that was not answered yet.
    private var awaitedPong: UInt32?
    private var unsolicitedPongs = 0
    private var emptyFrames = 0

    /// Whether the last ping was not answered.
    var awaitsPong: Bool { awaitedPong != nil }

    /// This side pings: the counts begin anew.
    mutating func pinged(_ value: UInt32) {
        awaitedPong = value
        unsolicitedPongs = 0
        emptyFrames = 0
    }

    /// The answer to a ping has come.
    ///
    /// - Returns: Whether it was awaited; nil when there were more than `maximum` that were not.
    mutating func pong(_ value: UInt32, maximum: Int) -> Bool? {
        guard value == awaitedPong else {
            unsolicitedPongs += 1
            return unsolicitedPongs <= maximum ? false : nil
        }
        awaitedPong = nil
        return true
    }

    /// Bytes have come from the socket: one frame that carries nothing is allowed with each read.
    mutating func beginRead() {
        if emptyFrames > 0 { emptyFrames -= 1 }
    }

    /// A frame that carries nothing has come.
    ///
    /// - Returns: Whether there may be one more.
    mutating func emptyFrame(maximum: Int) -> Bool {
        emptyFrames += 1
        return emptyFrames <= maximum
    }
}
