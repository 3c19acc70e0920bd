/// One yamux session, either side, as a state machine over bytes: it keeps windows and closed halves and checks every rule,
/// and leaves the bytes of the streams to its owner.
///
/// Feed received bytes to ``receive(_:at:)`` until it says ``ReceiveAction/needMore``. Bodies are handed on in the pieces in
/// which they come, so the session itself holds no more than a header. Headers inside actions are to be sent, in order.
public struct YamuxSession: Sendable {
    /// Which side this is; the dialler is the client and has the odd ids.
    public enum Role: Sendable {
        case client
        case server
    }

    /// What one step of reading found.
    public enum ReceiveAction: Equatable, Sendable {
        /// All bytes were taken.
        case needMore
        /// The other side opened a stream; send the reply.
        case opened(UInt32, reply: YamuxHeader)
        /// The other side opened a stream above the limit; send the reply, which resets it.
        case refused(UInt32, reply: YamuxHeader)
        /// The other side accepted a stream of ours.
        case acknowledged(UInt32)
        /// Bytes of a stream, at this place in the input.
        case data(UInt32, Range<Int>)
        /// The other side granted credit.
        case windowGrew(UInt32)
        /// The other side closed its half.
        case remoteClosed(UInt32)
        /// The other side closed its half, which was the last one: the stream is forgotten.
        case finished(UInt32)
        /// The other side ended the stream, with the code in the length field.
        case reset(UInt32, code: UInt32)
        /// The other side broke a rule of one stream, which is forgotten; send the reply, which resets it.
        case streamViolation(UInt32, reply: YamuxHeader)
        /// Answer a ping.
        case ping(reply: YamuxHeader)
        /// The last ping of this side was answered.
        case pong
        /// The other side will open and accept no more streams.
        case goAway(YamuxHeader.GoAwayCode)
        /// The session is over; send the go-away and close.
        case violation(YamuxError, goAway: YamuxHeader)
    }

    /// What ``open()`` did.
    public enum OpenAction: Equatable, Sendable {
        case opened(UInt32, YamuxHeader)
        case refused(OpenRefusal)
    }

    /// Why no stream was opened.
    public enum OpenRefusal: Equatable, Sendable {
        case tooManyStreams(limit: Int)
        case tooManyUnanswered(limit: Int)
        case goingAway
        case idsExhausted
    }

    /// What ``send(_:upTo:)`` allows.
    public enum SendAction: Equatable, Sendable {
        /// Send this header and as many bytes as its length says.
        case frame(YamuxHeader)
        /// The window is empty.
        case blocked
        /// There is no such stream, or this half is closed.
        case closed
    }

    /// What ``credit(_:isFast:)``, ``closeWrite(_:)`` or ``reset(_:)`` asks for.
    public enum FrameAction: Equatable, Sendable {
        case none
        case send(YamuxHeader)
    }

    private enum Parser {
        case header
        /// The frame's SYN was handled; what the rest of the header says comes next.
        case dispatch(YamuxHeader)
        case body(YamuxHeader, remaining: Int, deliver: Bool)
        case trailer(YamuxHeader)
        case over
    }

    private let role: Role
    private let limits: YamuxLimits
    private var parser = Parser.header
    private var partial: [UInt8] = []
    private var streams: [UInt32: YamuxStreamState] = [:]
    private var counts: YamuxCounts
    private var remoteGoingAway = false
    /// How much windows have grown, all streams together.
    /// How far the windows of all streams together have grown.
    private var grown: Int64 = 0
    private var idleFrames = YamuxIdleFrames()

    /// A session without streams.
    public init(role: Role, limits: YamuxLimits) {
        self.role = role
        self.limits = limits
        counts = YamuxCounts(role: role)
    }

    /// How many streams are open, both sides' together.
    public var streamCount: Int { streams.count }

    /// How many bytes the next frame of a stream may carry.
    public func sendable(_ id: UInt32) -> Int {
        guard let stream = streams[id], !stream.localClosed else { return 0 }
        return Int(stream.flow.sendable(limits.maximumFrameBody))
    }

    // MARK: Receiving

    /// Bytes have come from the socket, in whatever number of pieces they are given to ``receive(_:at:)``.
    public mutating func beginRead() {
        idleFrames.beginRead()
    }

    /// Reads on from `offset`, which moves past the bytes taken, up to the next thing that must be acted on.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> ReceiveAction {
        while true {
            switch parser {
            case .over:
                offset = bytes.count
                return .needMore
            case .header:
                guard let header = readHeader(bytes, at: &offset) else { return .needMore }
                if let action = begin(header) { return action }
            case .dispatch(let header):
                if let action = dispatch(header) { return action }
            case .body(let header, let remaining, let deliver):
                let count = min(remaining, bytes.count - offset)
                guard count > 0 || remaining == 0 else { return .needMore }
                let range = offset..<(offset + count)
                offset += count
                parser =
                    remaining == count
                    ? .trailer(header) : .body(header, remaining: remaining - count, deliver: deliver)
                // A stream that this side reset in the meantime is gone, and its bytes with it.
                if deliver, count > 0, streams[header.streamID] != nil {
                    return .data(header.streamID, range)
                }
            case .trailer(let header):
                parser = .header
                if let action = end(header) { return action }
            }
        }
    }

    private mutating func readHeader(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> YamuxHeader? {
        if partial.isEmpty, let header = YamuxHeader.read(bytes, at: offset) {
            offset += YamuxHeader.byteCount
            return header
        }
        let take = min(YamuxHeader.byteCount - partial.count, bytes.count - offset)
        if take > 0 {
            partial.append(contentsOf: bytes[offset..<(offset + take)])
            offset += take
        }
        let header = partial.withUnsafeBytes { YamuxHeader.read($0, at: 0) }
        if header != nil { partial.removeAll(keepingCapacity: true) }
        return header
    }

    /// The first step of a frame: version, session frames, SYN.
    private mutating func begin(_ header: YamuxHeader) -> ReceiveAction? {
        guard header.version == 0 else { return violate(.unsupportedVersion(found: header.version)) }
        if isEmpty(header), let violation = noteEmptyFrame() { return violation }
        switch header.kind {
        case .ping:
            return ping(header)
        case .goAway:
            remoteGoingAway = true
            return .goAway(YamuxHeader.GoAwayCode(rawValue: header.length))
        case .data, .windowUpdate:
            guard header.streamID != 0 else { return violate(.frameForSession) }
            parser = .dispatch(header)
            return header.flags.contains(.syn) ? open(by: header) : nil
        default:
            return violate(.unknownFrameKind(found: header.kind.rawValue))
        }
    }

    private mutating func ping(_ header: YamuxHeader) -> ReceiveAction? {
        if header.flags.contains(.syn) {
            return .ping(
                reply: YamuxHeader(kind: .ping, flags: .ack, streamID: 0, length: header.length))
        }
        guard header.flags.contains(.ack) else { return nil }
        guard let isAwaited = idleFrames.pong(header.length, maximum: limits.maximumUnsolicitedPongs) else {
            return violate(.unsolicitedPongs(maximum: limits.maximumUnsolicitedPongs))
        }
        return isAwaited ? .pong : nil
    }

    private mutating func noteEmptyFrame() -> ReceiveAction? {
        guard !idleFrames.emptyFrame(maximum: limits.maximumEmptyFrames) else { return nil }
        return violate(.emptyFrames(maximum: limits.maximumEmptyFrames))
    }

    /// Whether a frame carries nothing that the other side had to have first: no bytes, no credit, no new or ended half. A
    /// stream that ends as it begins is nothing either; one that was used, or that this side wanted, may be reset as often.
    private func isEmpty(_ header: YamuxHeader) -> Bool {
        switch header.kind {
        case .ping: return header.flags.contains(.syn)
        case .data, .windowUpdate:
            let hasNoBody = header.kind == .windowUpdate || header.length == 0
            if header.flags.contains(.rst), !header.flags.contains(.syn), let stream = streams[header.streamID] {
                return stream.isInbound && !stream.isUsed
            }
            return header.flags.contains(.rst) || (header.length == 0 && header.flags.isEmpty)
                || (hasNoBody && header.flags.isSuperset(of: [.syn, .fin]))
        default: return false
        }
    }

    private mutating func open(by header: YamuxHeader) -> ReceiveAction {
        let id = header.streamID
        let remoteParity: UInt32 = role == .client ? 0 : 1
        guard id % 2 == remoteParity else { return violate(.wrongParity(streamID: id)) }
        // Ids may come out of order, since peers number streams before they queue the frames; a reuse is only seen while
        // the first stream is open.
        guard streams[id] == nil else { return violate(.duplicateStream(streamID: id)) }
        guard counts.inbound < limits.maximumInboundStreams else {
            return noteEmptyFrame() ?? .refused(id, reply: Self.resetFrame(id))
        }
        counts.openedByPeer()
        streams[id] = YamuxStreamState(isInbound: true)
        return .opened(id, reply: YamuxHeader(kind: .windowUpdate, flags: .ack, streamID: id, length: 0))
    }

    /// The second step of a frame: ACK, window increment or the announced body.
    private mutating func dispatch(_ header: YamuxHeader) -> ReceiveAction? {
        let id = header.streamID
        guard var stream = streams[id] else {
            // Late frames of streams that are over: skip the body, keep the connection.
            parser = Self.skipping(header)
            return nil
        }
        if header.flags.contains(.ack), !stream.isAcknowledged {
            stream.isAcknowledged = true
            counts.acknowledged()
            streams[id] = stream
            // The parser stays here: the rest of the frame follows with the flag now settled.
            return .acknowledged(id)
        }
        if header.kind == .windowUpdate {
            parser = .trailer(header)
            return grow(by: header)
        }
        return announceBody(stream, header)
    }

    private mutating func grow(by header: YamuxHeader) -> ReceiveAction? {
        // With RST the length is an error code, not credit.
        guard header.length > 0, !header.flags.contains(.rst) else { return nil }
        guard streams[header.streamID]?.flow.granted(header.length) != false else {
            return violate(.windowOverflow(streamID: header.streamID))
        }
        return .windowGrew(header.streamID)
    }

    private mutating func announceBody(_ stream: YamuxStreamState, _ header: YamuxHeader) -> ReceiveAction? {
        let id = header.streamID
        guard Int64(header.length) <= stream.flow.receiveWindow else {
            return violate(
                .windowExceeded(streamID: id, window: Int(stream.flow.receiveWindow), found: Int(header.length)))
        }
        if stream.remoteClosed, header.length > 0 {
            remove(id, stream)
            parser = Self.skipping(header)
            return .streamViolation(id, reply: Self.resetFrame(id))
        }
        streams[id]?.expect(header.length)
        parser = .body(header, remaining: Int(header.length), deliver: true)
        return nil
    }

    /// The last step of a frame: FIN or RST, which follow the body they came with.
    private mutating func end(_ header: YamuxHeader) -> ReceiveAction? {
        let id = header.streamID
        guard let stream = streams[id] else { return nil }
        if header.flags.contains(.rst) {
            remove(id, stream)
            return .reset(id, code: header.kind == .windowUpdate ? header.length : 0)
        }
        guard header.flags.contains(.fin), !stream.remoteClosed else { return nil }
        if stream.localClosed {
            remove(id, stream)
            return .finished(id)
        }
        streams[id]?.remoteClosed = true
        return .remoteClosed(id)
    }

    private mutating func violate(_ error: YamuxError) -> ReceiveAction {
        parser = .over
        return .violation(error, goAway: Self.goAwayFrame(.protocolError))
    }

    private static func skipping(_ header: YamuxHeader) -> Parser {
        header.kind == .data ? .body(header, remaining: Int(header.length), deliver: false) : .header
    }

    // MARK: Sending

    /// Opens a stream. Data may follow at once.
    public mutating func open() -> OpenAction {
        guard !remoteGoingAway else { return .refused(.goingAway) }
        guard counts.outbound < limits.maximumOutboundStreams else {
            return .refused(.tooManyStreams(limit: limits.maximumOutboundStreams))
        }
        guard counts.unacknowledged < limits.maximumUnacknowledged else {
            return .refused(.tooManyUnanswered(limit: limits.maximumUnacknowledged))
        }
        guard let id = counts.open() else { return .refused(.idsExhausted) }
        streams[id] = YamuxStreamState(isInbound: false)
        return .opened(id, YamuxHeader(kind: .windowUpdate, flags: .syn, streamID: id, length: 0))
    }

    /// Takes window for up to `count` bytes, at most the length of one frame.
    public mutating func send(_ id: UInt32, upTo count: Int) -> SendAction {
        guard let stream = streams[id], !stream.localClosed else { return .closed }
        let allowed = stream.flow.sendable(min(count, limits.maximumFrameBody))
        guard allowed > 0 else { return .blocked }
        streams[id]?.flow.sent(allowed)
        return .frame(YamuxHeader(kind: .data, streamID: id, length: UInt32(truncatingIfNeeded: allowed)))
    }

    /// Notes that the reader took bytes.
    public mutating func consumed(_ id: UInt32, count: Int) {
        guard let stream = streams[id], !stream.remoteClosed, count > 0 else { return }
        streams[id]?.flow.consumed(count)
    }

    /// Whether the reader of a stream took half a window, so that credit is due.
    public func owesCredit(_ id: UInt32) -> Bool {
        guard let stream = streams[id], !stream.remoteClosed else { return false }
        return stream.flow.owesCredit
    }

    /// Gives credit for what the reader took.
    ///
    /// With `isFast`, which says that the other side uses up its window within a few round trips, the window doubles, as
    /// far as the limits allow.
    public mutating func credit(_ id: UInt32, isFast: Bool) -> FrameAction {
        guard owesCredit(id), var stream = streams[id] else { return .none }
        if isFast { grown += stream.flow.grow(upTo: limits.maximumWindow, left: limits.growth - grown) }
        let credit = stream.flow.credit()
        streams[id] = stream
        return .send(YamuxHeader(kind: .windowUpdate, streamID: id, length: credit))
    }

    /// Closes this side's half. The stream is forgotten if the other half was closed before.
    public mutating func closeWrite(_ id: UInt32) -> FrameAction {
        guard let stream = streams[id], !stream.localClosed else { return .none }
        if stream.remoteClosed {
            remove(id, stream)
        } else {
            streams[id]?.localClosed = true
        }
        return .send(YamuxHeader(kind: .windowUpdate, flags: .fin, streamID: id, length: 0))
    }

    /// Ends and forgets a stream.
    public mutating func reset(_ id: UInt32) -> FrameAction {
        guard let stream = streams[id] else { return .none }
        remove(id, stream)
        return .send(Self.resetFrame(id))
    }

    /// Whether a stream is still known: not until both halves are closed is it forgotten.
    public func isOpen(_ id: UInt32) -> Bool { streams[id] != nil }

    /// A ping with a value of its own, which the other side sends back: ``ReceiveAction/pong``. The count of frames that carry
    /// nothing begins anew.
    public mutating func pingFrame(_ value: UInt32) -> YamuxHeader {
        idleFrames.pinged(value)
        return YamuxHeader(kind: .ping, flags: .syn, streamID: 0, length: value)
    }

    /// Whether the last ping was not answered.
    public var awaitsPong: Bool { idleFrames.awaitsPong }

    /// The frame that ends the session.
    public static func goAwayFrame(_ code: YamuxHeader.GoAwayCode) -> YamuxHeader {
        YamuxHeader(kind: .goAway, streamID: 0, length: code.rawValue)
    }

    private static func resetFrame(_ id: UInt32) -> YamuxHeader {
        YamuxHeader(kind: .windowUpdate, flags: .rst, streamID: id, length: 0)
    }

    private mutating func remove(_ id: UInt32, _ stream: YamuxStreamState) {
        streams[id] = nil
        grown -= stream.flow.growth
        counts.removed(stream)
    }
}
