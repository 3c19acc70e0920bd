public import MuSig2Session
public import PeerTransport

/// Record: the announcement is a value under the session's name.
///
/// The values must come from something that keeps ``AnnouncementRules``; what it returns is verified again.
public struct RecordDiscovery: SessionDiscovery {
    /// ``DiscoveryMethod/record``.
    public let method = DiscoveryMethod.record

    private let values: any ValueDiscovery
    private let namespace: String

    /// Publishes announcements as values.
    ///
    /// - Parameters:
    ///   - values: What keeps values.
    ///   - namespace: The first part of the names.
    public init(_ values: any ValueDiscovery, namespace: String = RecordName.defaultNamespace) {
        self.values = values
        self.namespace = namespace
    }

    /// Publishes the announcement under the session's name.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - announcement: The signed announcement; without one nothing is published.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when the announcement does not satisfy the rules, or nobody took it.
    public func publish(
        _ key: DiscoveryKey, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {
        guard let name = name(of: key), let announcement else { return }
        try await values.publish(announcement, at: name.bytes, for: lifetime)
    }

    /// Publishes the announcement no longer.
    ///
    /// - Parameter key: Where.
    public func withdraw(_ key: DiscoveryKey) async {
        guard let name = name(of: key) else { return }
        await values.withdrawValue(at: name.bytes)
    }

    /// Reads the announcement under the session's name.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - limit: At least 1.
    /// - Returns: The announcement, or nothing.
    /// - Throws: `TransportError` when the search itself was not possible.
    public func find(_ key: DiscoveryKey, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        guard let name = name(of: key), let found = try await values.value(at: name.bytes) else { return [] }
        return [.announcement(found.value)]
    }

    private func name(of key: DiscoveryKey) -> RecordName? {
        key.subject.session.map { RecordName(session: $0, namespace: namespace) }
    }
}

/// The name of a session's record: `/NAMESPACE/ID` in ASCII, the id as 64 lower-case hexadecimal digits.
///
/// Text, because some DHT nodes take no names but texts.
public struct RecordName: Sendable, Hashable {
    /// `musig2-session`.
    public static let defaultNamespace = "musig2-session"

    /// Which session.
    public let session: SessionID

    /// The first part of the name.
    public let namespace: String

    /// The name of a session's record.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - namespace: The first part of the name.
    public init(session: SessionID, namespace: String = RecordName.defaultNamespace) {
        self.session = session
        self.namespace = namespace
    }

    /// Reads a name.
    ///
    /// - Parameters:
    ///   - bytes: The name as it stands in the DHT; nil is returned for one that is not of this form.
    ///   - namespace: The first part that it must have.
    public init?(_ bytes: [UInt8], namespace: String = RecordName.defaultNamespace) {
        let head = Array("/\(namespace)/".utf8)
        guard bytes.count == head.count + 64, bytes.starts(with: head) else { return nil }
        var id: [UInt8] = []
        id.reserveCapacity(32)
        var high: UInt8?
        for digit in bytes.dropFirst(head.count) {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                id.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        guard let session = SessionID(id) else { return nil }
        self.init(session: session, namespace: namespace)
    }

    /// The name as it stands in the DHT.
    public var bytes: [UInt8] { Array("/\(namespace)/\(session)".utf8) }
}
