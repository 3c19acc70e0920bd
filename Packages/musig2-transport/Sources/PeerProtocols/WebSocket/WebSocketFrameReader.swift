/// Takes frames out of a byte stream and checks every rule of them (RFC 6455, section 5).
///
/// Where messages begin and end means nothing here: payloads are handed on in the pieces in which they come, so the reader
/// itself holds no more than a header and the payload of a control frame.
public struct WebSocketFrameReader: Sendable {
    /// What one step of reading found.
    public enum Action: Equatable, Sendable {
        /// All bytes were taken.
        case needMore
        /// Payload, at this place in the input, still with this mask on it.
        case payload(Range<Int>, WebSocketMask?)
        /// Answer with a pong that carries the same bytes.
        case ping([UInt8])
        /// The other side closes, with a code or without. Nothing follows.
        case close(UInt16?)
        /// The connection is over.
        case violation(WebSocketError)
    }

    private enum State {
        case header
        case payload(remaining: Int, WebSocketMask?)
        case control(WebSocketFrame.Kind, length: Int, WebSocketMask?)
        case over
    }

    private let expectsMask: Bool
    private let maximumFrame: Int
    private var state = State.header
    /// The bytes of a header or a control payload that is not complete.
    private var partial: [UInt8] = []
    /// Whether a message was begun and not ended.
    private var isInMessage = false

    /// A reader at the beginning of a frame.
    ///
    /// - Parameters:
    ///   - expectsMask: whether the other side is a client.
    ///   - maximumFrame: the longest payload of a frame, in bytes.
    public init(expectsMask: Bool, maximumFrame: Int) {
        self.expectsMask = expectsMask
        self.maximumFrame = maximumFrame
    }

    /// Reads on from `offset`, which moves past the bytes taken, up to the next thing that must be acted on.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Action {
        while true {
            switch state {
            case .over:
                offset = bytes.count
                return .needMore
            case .header:
                do throws(WebSocketError) {
                    guard try readHeader(bytes, at: &offset) else { return .needMore }
                } catch {
                    state = .over
                    return .violation(error)
                }
            case .payload(let remaining, let mask):
                let count = min(remaining, bytes.count - offset)
                guard remaining > 0 else {
                    state = .header
                    continue
                }
                guard count > 0 else { return .needMore }
                let range = offset..<(offset + count)
                offset += count
                state =
                    remaining == count
                    ? .header : .payload(remaining: remaining - count, mask?.advanced(by: count))
                return .payload(range, mask)
            case .control(let kind, let length, let mask):
                guard collect(length, bytes, at: &offset) else { return .needMore }
                state = .header
                if let action = control(kind, takePartial(mask)) { return action }
            }
        }
    }

    /// - Returns: whether the header is complete; the state then says what follows.
    private mutating func readHeader(
        _ bytes: UnsafeRawBufferPointer, at offset: inout Int
    ) throws(WebSocketError) -> Bool {
        // Nearly always a header comes in one piece, and is read where it stands.
        if partial.isEmpty, bytes.count - offset >= WebSocketFrame.maximumHeader {
            let header = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + WebSocketFrame.maximumHeader)])
            offset += Self.headerLength(header)
            try check(header)
            try begin(header)
            return true
        }
        guard collect(2, bytes, at: &offset) else { return false }
        try partial.span.bytes.withUnsafeBytes { (header) throws(WebSocketError) in try check(header) }
        let length = partial.withUnsafeBytes { Self.headerLength($0) }
        guard collect(length, bytes, at: &offset) else { return false }
        let header = partial
        partial.removeAll(keepingCapacity: true)
        try header.span.bytes.withUnsafeBytes { (header) throws(WebSocketError) in try begin(header) }
        return true
    }

    /// How many bytes a header has, by its first two.
    private static func headerLength(_ header: UnsafeRawBufferPointer) -> Int {
        2 + Self.extraLength(header[1]) + (header[1] & 0x80 != 0 ? 4 : 0)
    }

    /// How many bytes of length follow the second byte.
    private static func extraLength(_ second: UInt8) -> Int {
        switch second & 0x7f {
        case 126: 2
        case 127: 8
        default: 0
        }
    }

    /// Goes on to what follows a whole header.
    private mutating func begin(_ header: UnsafeRawBufferPointer) throws(WebSocketError) {
        let (first, second) = (header[0], header[1])
        let extra = Self.extraLength(second)
        let length = try self.length(extra, header)
        var mask: WebSocketMask?
        if second & 0x80 != 0 {
            mask = WebSocketMask(key: header.loadUnaligned(fromByteOffset: 2 + extra, as: UInt32.self))
        }
        let kind = WebSocketFrame.Kind(rawValue: first & 0x0f)
        if kind.isControl {
            state = .control(kind, length: length, mask)
        } else {
            isInMessage = first & 0x80 == 0
            state = .payload(remaining: length, mask)
        }
    }

    /// The rules that the first two bytes can break.
    private func check(_ header: UnsafeRawBufferPointer) throws(WebSocketError) {
        let (first, second) = (header[0], header[1])
        let kind = WebSocketFrame.Kind(rawValue: first & 0x0f)
        guard first & 0x70 == 0 else { throw .reservedBits }
        guard (second & 0x80 != 0) == expectsMask else { throw .wrongMasking(expected: expectsMask) }
        switch kind {
        case .continuation:
            guard isInMessage else { throw .nothingToContinue }
        case .binary:
            guard !isInMessage else { throw .unfinishedMessage }
        case .close, .ping, .pong:
            guard first & 0x80 != 0, second & 0x7f <= WebSocketFrame.maximumControl else { throw .oversizedControl }
        default:
            throw .unexpectedKind(found: kind.rawValue)
        }
    }

    private func length(_ extra: Int, _ header: UnsafeRawBufferPointer) throws(WebSocketError) -> Int {
        guard extra > 0 else { return Int(header[1] & 0x7f) }
        var length: UInt64 = 0
        for byte in header[2..<(2 + extra)] { length = length << 8 | UInt64(byte) }
        guard length >= (extra == 2 ? 126 : 65_536), length < 1 << 63 else { throw .malformedLength }
        guard length <= UInt64(maximumFrame) else { throw .frameTooLarge(maximum: maximumFrame) }
        return Int(length)
    }

    private mutating func control(_ kind: WebSocketFrame.Kind, _ payload: [UInt8]) -> Action? {
        switch kind {
        case .ping:
            return .ping(payload)
        case .close:
            state = .over
            guard payload.count >= 2 else { return payload.isEmpty ? .close(nil) : .violation(.malformedClose) }
            let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
            // Section 7.4: these stand for what was not sent.
            guard (1000..<5000).contains(code), ![1004, 1005, 1006, 1015].contains(code) else {
                return .violation(.malformedClose)
            }
            return .close(code)
        default:
            // A pong that nobody asked for is allowed, and says nothing.
            return nil
        }
    }

    /// Gathers bytes until there are `count`.
    private mutating func collect(_ count: Int, _ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Bool {
        let take = min(count - partial.count, bytes.count - offset)
        if take > 0 {
            partial.append(contentsOf: bytes[offset..<(offset + take)])
            offset += take
        }
        return partial.count >= count
    }

    private mutating func takePartial(_ mask: WebSocketMask?) -> [UInt8] {
        var payload = partial
        partial.removeAll(keepingCapacity: true)
        if let mask {
            let masked = payload
            masked.withUnsafeBytes { source in payload.withUnsafeMutableBytes { mask.copy(source, to: $0) } }
        }
        return payload
    }
}
