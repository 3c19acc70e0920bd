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

    /// Decodes and validates the whole of `bytes`. One bad item spoils the frame: an honest peer sends none.
    ///
    /// The deflated items of a frame may inflate to ``WireLimits/frameBytes`` together.
    /// - Throws: ``WireError``.
    public init(decoding bytes: [UInt8], limits: WireLimits = .standard) throws(WireError) {
        guard bytes.count <= limits.frameBytes else {
            throw WireError(Self.messageName, .tooLong(limit: limits.frameBytes, found: bytes.count))
        }
        var reader = ProtobufReader(bytes, message: Self.messageName, mode: .canonical)
        var items: [FrameItem] = []
        var inflatable = limits.frameBytes
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            guard items.count < limits.frameItems else {
                throw reader.error("items", .tooMany(limit: limits.frameItems))
            }
            var part = try reader.submessage(field, "items", message: "Item")
            items.append(try FrameItem(from: &part, inflatable: &inflatable, limits: limits))
        }
        if items.isEmpty { throw reader.error("items", .missing) }
        self.items = items
    }
}

extension FrameItem {
    fileprivate init(
        from reader: inout ProtobufReader, inflatable: inout Int, limits: WireLimits
    ) throws(WireError) {
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
        case 10:
            let inflated = try Self.inflate(&reader, field, "announcement_deflated", &inflatable, limits)
            self = .announcement(try SignedAnnouncement(decoding: inflated, limits: limits))
        case 11:
            let inflated = try Self.inflate(&reader, field, "hello_announcements_deflated", &inflatable, limits)
            self = .helloAnnouncements(try HelloAnnouncements(decoding: inflated, limits: limits))
        default: throw reader.error("", .unknownField(field.number))
        }
        if try reader.nextField() != nil { throw reader.error("", .conflict("expected one field, found more")) }
    }

    private static func inflate(
        _ reader: inout ProtobufReader, _ field: ProtobufReader.Field, _ name: String, _ inflatable: inout Int,
        _ limits: WireLimits
    ) throws(WireError) -> [UInt8] {
        let deflated = try reader.bytes(field, name, limit: limits.frameBytes)
        do throws(ZlibError) {
            let inflated = try Zlib.inflate(deflated, limit: inflatable)
            inflatable -= inflated.count
            return inflated
        } catch {
            throw reader.error(name, .deflated(error))
        }
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
