/// A protobuf message with a hand-written codec.
///
/// ``init(decoding:limits:)`` and ``encoded()`` are what callers use; the other requirements are what a message provides.
/// For messages in ``ProtobufReader/Mode/canonical`` mode there is one encoding of each value, and decoding accepts no other.
public protocol WireMessage: Hashable, Sendable {
    /// The name of the message, as in its `.proto` file.
    static var messageName: String { get }
    /// How strictly the message is read.
    static var mode: ProtobufReader.Mode { get }
    /// The most bytes that an encoded message may have.
    static func maximumBytes(_ limits: WireLimits) -> Int
    /// Reads all fields; what they say is for ``validate(_:)`` to judge.
    init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError)
    /// Writes all fields, with ascending numbers.
    func write(to writer: inout ProtobufWriter)
    /// Refuses values that must not be on the wire: wrong lengths, too many entries, fields that contradict each other.
    func validate(_ limits: WireLimits) throws(WireError)
}

extension WireMessage {
    /// Canonical, as all messages of the signing protocol are.
    public static var mode: ProtobufReader.Mode { .canonical }

    /// The frame limit.
    public static func maximumBytes(_ limits: WireLimits) -> Int { limits.frameBytes }

    /// Accepts everything.
    public func validate(_ limits: WireLimits) throws(WireError) {}

    /// Decodes and validates the whole of `bytes`.
    ///
    /// In canonical mode the message is encoded again and compared: what differs is refused (`notCanonical`), as a second
    /// net below the checks of the reader.
    /// - Throws: ``WireError``.
    public init(decoding bytes: [UInt8], limits: WireLimits = .standard) throws(WireError) {
        let maximum = Self.maximumBytes(limits)
        guard bytes.count <= maximum else {
            throw WireError(Self.messageName, .tooLong(limit: maximum, found: bytes.count))
        }
        var reader = ProtobufReader(bytes, message: Self.messageName, mode: Self.mode)
        try self.init(from: &reader, limits: limits)
        try validate(limits)
        if Self.mode == .canonical, encoded(capacity: bytes.count) != bytes {
            throw WireError(Self.messageName, .notCanonical)
        }
    }

    /// The encoded message. Nothing is checked: a peer refuses what ``validate(_:)`` refuses.
    public func encoded() -> [UInt8] { encoded(capacity: 64) }

    /// The encoded message, if it may be sent.
    /// - Throws: ``WireError`` when ``validate(_:)`` refuses it or it is too long.
    public func validatedEncoding(_ limits: WireLimits = .standard) throws(WireError) -> [UInt8] {
        try validate(limits)
        let bytes = encoded()
        let maximum = Self.maximumBytes(limits)
        guard bytes.count <= maximum else {
            throw WireError(Self.messageName, .tooLong(limit: maximum, found: bytes.count))
        }
        return bytes
    }

    private func encoded(capacity: Int) -> [UInt8] {
        var writer = ProtobufWriter(capacity: capacity)
        write(to: &writer)
        return writer.bytes
    }
}
