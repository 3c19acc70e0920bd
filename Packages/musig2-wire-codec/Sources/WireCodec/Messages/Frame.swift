/// One thing that a frame carries.
public enum FrameItem: Hashable, Sendable {
    /// A signer's message.
    case signedMessage(SignedMessage)
    /// The final signatures.
    case signatureFinalized(SignatureFinalized)
    /// What a signer wants.
    case sync(Sync)
    /// An error.
    case error(ErrorReply)
    /// HELLO, first step.
    case hello(Hello)
    /// HELLO, second step.
    case helloProof(HelloProof)
    /// HELLO, third step.
    case helloJoiner(HelloJoiner)
    /// HELLO, last step; deflated on the wire from 1 KiB when that makes it smaller.
    case helloAnnouncements(HelloAnnouncements)
    /// An announcement; deflated on the wire from 1 KiB when that makes it smaller.
    case announcement(SignedAnnouncement)
    /// One of the last two as it came, deflated: nothing of it is read before ``DeflatedItem/inflated(upTo:limits:)``.
    case deflated(DeflatedItem)
}

/// What goes over a stream of `/musig2-p2p/1.0.0` behind one length: the items that were queued when it became writable.
public struct Frame: Hashable, Sendable {
    /// The items, in order.
    public var items: [FrameItem]

    /// Makes a frame.
    public init(_ items: [FrameItem]) { self.items = items }

    /// The name of the message.
    public static let messageName = "Frame"

    /// The encoded frame, without its length. Nothing is checked but what ``WireMessage/encoded()`` leaves to its caller:
    /// keep the sum of ``FrameItem/encodedLength`` below the frame limit.
    public func encoded() -> [UInt8] {
        var writer = ProtobufWriter(capacity: 1_024)
        for item in items { writer.message(1) { item.write(to: &$0) } }
        return writer.bytes
    }

    /// Decodes and validates the whole of `bytes`, but for what is deflated: a few bytes may inflate to a thousand times as many, so
    /// that the receiver decides whether they are worth it. One bad item spoils the frame: an honest peer sends none.
    /// - Throws: ``WireError``.
    public init(decoding bytes: [UInt8], limits: WireLimits = .standard) throws(WireError) {
        guard bytes.count <= limits.frameBytes else {
            throw WireError(Self.messageName, .tooLong(limit: limits.frameBytes, found: bytes.count))
        }
        var reader = ProtobufReader(bytes, message: Self.messageName, mode: .canonical)
        var items: [FrameItem] = []
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            guard items.count < limits.frameItems else {
                throw reader.error("items", .tooMany(limit: limits.frameItems))
            }
            var part = try reader.submessage(field, "items", message: "Item")
            items.append(try FrameItem(from: &part, limits: limits))
        }
        if items.isEmpty { throw reader.error("items", .missing) }
        self.items = items
    }

    /// The frame with all its deflated items inflated and decoded; together they may inflate to ``WireLimits/frameBytes``.
    /// - Throws: ``WireError``.
    public func inflated(limits: WireLimits = .standard) throws(WireError) -> Frame {
        var inflatable = limits.frameBytes
        var frame = Frame([])
        frame.items.reserveCapacity(items.count)
        for item in items {
            guard case .deflated(let deflated) = item else {
                frame.items.append(item)
                continue
            }
            let (plain, count) = try deflated.inflated(upTo: inflatable, limits: limits)
            inflatable -= count
            frame.items.append(plain)
        }
        return frame
    }
}

extension FrameItem {
    fileprivate init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        guard let field = try reader.nextField() else { throw reader.error("", .missing) }
        switch field.number {
        case 1: self = .signedMessage(try reader.message(field, "signed_message", limits: limits))
        case 2: self = .signatureFinalized(try reader.message(field, "signature_finalized", limits: limits))
        case 3: self = .sync(try reader.message(field, "sync", limits: limits))
        case 4: self = .error(try reader.message(field, "error", limits: limits))
        case 5: self = .hello(try reader.message(field, "hello", limits: limits))
        case 6: self = .helloProof(try reader.message(field, "hello_proof", limits: limits))
        case 7: self = .helloJoiner(try reader.message(field, "hello_joiner", limits: limits))
        case 8: self = .helloAnnouncements(try reader.message(field, "hello_announcements", limits: limits))
        case 9: self = .announcement(try reader.message(field, "announcement", limits: limits))
        case 10: self = .deflated(try DeflatedItem(.announcement, field, from: &reader, limits: limits))
        case 11: self = .deflated(try DeflatedItem(.helloAnnouncements, field, from: &reader, limits: limits))
        default: throw reader.error("", .unknownField(field.number))
        }
        if try reader.nextField() != nil { throw reader.error("", .conflict("expected one field, found more")) }
    }

    /// The number of bytes that the item takes in a frame.
    public var encodedLength: Int { Frame([self]).encoded().count }

    fileprivate func write(to writer: inout ProtobufWriter) {
        switch self {
        case .signedMessage(let message): writer.message(1, message)
        case .signatureFinalized(let message): writer.message(2, message)
        case .sync(let message): writer.message(3, message)
        case .error(let message): writer.message(4, message)
        case .hello(let message): writer.message(5, message)
        case .helloProof(let message): writer.message(6, message)
        case .helloJoiner(let message): writer.message(7, message)
        case .helloAnnouncements(let message): Self.writeSmaller(message.encoded(), plain: 8, deflated: 11, to: &writer)
        case .announcement(let message): Self.writeSmaller(message.encoded(), plain: 9, deflated: 10, to: &writer)
        case .deflated(let item): writer.requiredBytes(item.content.rawValue, item.bytes)
        }
    }

    /// Below this an announcement fits into one segment of the network either way, and deflating costs more than it saves.
    private static let deflatableBytes = 1_024

    private static func writeSmaller(
        _ bytes: [UInt8], plain: UInt32, deflated: UInt32, to writer: inout ProtobufWriter
    ) {
        // Without memory for deflating, the plain form is as good.
        if bytes.count >= deflatableBytes, let small = try? Zlib.deflate(bytes), small.count < bytes.count {
            writer.requiredBytes(deflated, small)
        } else {
            writer.requiredBytes(plain, bytes)
        }
    }
}
