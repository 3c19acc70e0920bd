@_spi(Waiting) import PeerTransport

/// The streams that a peer opened to a ``FrameLink``: the newest, and which of them are still heard.
struct IncomingStreams {
    /// One stream.
    struct Handle {
        let id: UInt64
        let stream: any ByteStream
        /// Set when it was read to its end.
        let isOver = OneShot<Void>()
    }

    private(set) var newest: Handle?
    private var lastID: UInt64 = 0
    /// How many are not read to their ends.
    private var openCount = 0
    /// Frames of streams before this one are not passed on any more.
    private var firstHeard: UInt64 = 0

    /// Adds a stream.
    ///
    /// - Returns: It, and the one that it takes the place of.
    mutating func add(_ stream: any ByteStream) -> (Handle, previous: Handle?) {
        lastID += 1
        openCount += 1
        let handle = Handle(id: lastID, stream: stream)
        defer { newest = handle }
        return (handle, newest)
    }

    /// Hears nothing any more of the streams that came before this one: it would come out of order.
    mutating func hearOnly(from handle: Handle) {
        firstHeard = max(firstHeard, handle.id)
    }

    func hears(_ handle: Handle) -> Bool {
        handle.id >= firstHeard
    }

    var areOpen: Bool { openCount > 0 }

    /// Forgets a stream that was read to its end.
    mutating func remove(_ handle: Handle) {
        openCount -= 1
        if newest?.id == handle.id { newest = nil }
    }
}
