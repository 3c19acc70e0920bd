@_spi(Waiting) import PeerTransport

/// The stream that a ``FrameLink`` opened to its peer, and what is done with it at the moment.
struct OutgoingStream {
    /// One opened stream.
    struct Handle {
        let id: UInt64
        let stream: any ByteStream
        /// Set when the peer has closed its half, which it does when it has read everything.
        let isRead = OneShot<Void>()
    }

    /// What becomes of a stream after the write that is under way.
    private enum Fate {
        case stays
        case moves
        case isForgotten
    }

    private enum State {
        case none
        case idle(Handle)
        /// Nothing may overtake what is being written.
        case writing(Handle, then: Fate)
        /// It runs on a connection that was replaced: another one is to be opened.
        case moving(Handle)
    }

    private var state = State.none
    private var lastID: UInt64 = 0
    /// How often it had to be opened again.
    private(set) var reopenings = 0

    /// The stream, if nothing is written to it and it need not be replaced.
    var idle: Handle? {
        guard case .idle(let handle) = state else { return nil }
        return handle
    }

    /// The stream, in whatever state.
    var current: Handle? {
        switch state {
        case .none: nil
        case .idle(let handle), .writing(let handle, _), .moving(let handle): handle
        }
    }

    var isWriting: Bool {
        guard case .writing = state else { return false }
        return true
    }

    /// Takes the idle stream for a write; ``endWrite()`` gives it back.
    mutating func beginWrite() -> Handle? {
        guard case .idle(let handle) = state else { return nil }
        state = .writing(handle, then: .stays)
        return handle
    }

    mutating func endWrite() {
        guard case .writing(let handle, let fate) = state else { return }
        switch fate {
        case .stays: state = .idle(handle)
        case .moves: state = .moving(handle)
        case .isForgotten: state = .none
        }
    }

    /// A newly opened stream takes the place of what was there.
    ///
    /// - Returns: It, and the former one.
    mutating func replace(with stream: any ByteStream) -> (Handle, former: Handle?) {
        let former = current
        lastID += 1
        let handle = Handle(id: lastID, stream: stream)
        state = .idle(handle)
        return (handle, former)
    }

    /// The connection of the stream was replaced by another one.
    mutating func move() {
        switch state {
        case .idle(let handle): state = .moving(handle)
        case .writing(let handle, .stays): state = .writing(handle, then: .moves)
        case .none, .moving, .writing(_, .moves), .writing(_, .isForgotten): break
        }
    }

    /// The stream broke, and another one is to be opened. Nothing happens if another one is there already.
    mutating func forget(_ handle: Handle) {
        guard current?.id == handle.id else { return }
        switch state {
        case .writing(_, .isForgotten): return
        case .writing(let handle, _): state = .writing(handle, then: .isForgotten)
        case .none, .idle, .moving: state = .none
        }
        reopenings += 1
    }

    /// Another stream could not be opened, and that is tried once more.
    mutating func countReopening() {
        reopenings += 1
    }
}
