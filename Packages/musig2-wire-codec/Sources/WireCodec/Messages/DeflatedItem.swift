/// An item of a frame that came deflated, and is read when its receiver wants it.
///
/// Decoding a frame looks at the length and at the head of the stream only. Inflating and decoding cost up to a thousand times what the
/// bytes that came did: which peer asked for the item, and what its sender may still cost, is to be judged before.
public struct DeflatedItem: Hashable, Sendable {
    /// What is deflated; the number is that of the field.
    public enum Content: UInt32, Hashable, Sendable {
        /// A ``SignedAnnouncement``.
        case announcement = 10
        /// A ``HelloAnnouncements``.
        case helloAnnouncements = 11
    }

    /// What is deflated, as its sender says.
    public let content: Content
    /// The zlib stream, as received.
    public let bytes: [UInt8]

    init(
        _ content: Content, _ field: ProtobufReader.Field, from reader: inout ProtobufReader, limits: WireLimits
    ) throws(WireError) {
        self.content = content
        bytes = try reader.bytes(field, content.field, limit: limits.frameBytes)
        // RFC 1950: two bytes of head, at least two of data, four of checksum.
        guard bytes.count >= 8 else { throw reader.error(content.field, .deflated(.truncated)) }
        let head = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        guard bytes[0] & 0x0F == 8, head % 31 == 0 else { throw reader.error(content.field, .deflated(.corrupt)) }
    }

    /// Inflates and decodes the item.
    ///
    /// - Parameters:
    ///   - limit: The most bytes that it may inflate to; inflating stops there. More than ``WireLimits/frameBytes`` counts as that.
    ///   - limits: What to accept.
    /// - Returns: ``FrameItem/announcement(_:)`` or ``FrameItem/helloAnnouncements(_:)``, and the number of bytes that it was inflated to.
    /// - Throws: ``WireError``; its reason is ``WireError/Reason/deflated(_:)`` where the stream itself is refused.
    public func inflated(
        upTo limit: Int, limits: WireLimits = .standard
    ) throws(WireError) -> (item: FrameItem, inflatedBytes: Int) {
        let inflated: [UInt8]
        do throws(ZlibError) {
            inflated = try Zlib.inflate(bytes, limit: min(max(limit, 0), limits.frameBytes))
        } catch {
            throw WireError("Item", content.field, .deflated(error))
        }
        switch content {
        case .announcement:
            return (.announcement(try SignedAnnouncement(decoding: inflated, limits: limits)), inflated.count)
        case .helloAnnouncements:
            return (.helloAnnouncements(try HelloAnnouncements(decoding: inflated, limits: limits)), inflated.count)
        }
    }
}

extension DeflatedItem.Content {
    /// The name of the field, as in the `.proto` file.
    fileprivate var field: String {
        switch self {
        case .announcement: "announcement_deflated"
        case .helloAnnouncements: "hello_announcements_deflated"
        }
    }
}
