import MuSig2Session
public import PeerTransport
import WireCodec

/// The rules of the records in a DHT: what every node of this project demands of a value under `/musig2-session/ID` before it stores or
/// returns it, and which of two it prefers.
///
/// Give them to the DHT of a node, under ``RecordName/defaultNamespace``. A value is valid when it is an announcement of at most 16 KiB,
/// of the session in the name, signed by its creator, with a creator that wants it to be public, and not expired. Of two, the one with
/// the higher sequence is better.
public struct AnnouncementRules: ValueRules {
    private let namespace: String
    /// Those of the protocol, whatever this node's configuration says: all nodes decide alike.
    private let limits = SessionLimits.standard

    /// Makes the rules of a namespace.
    ///
    /// - Parameter namespace: The first part of the names.
    public init(namespace: String = RecordName.defaultNamespace) {
        self.namespace = namespace
    }

    /// Whether a value may stand under a name.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole name, with the namespace.
    ///   - wallMilliseconds: The time, as milliseconds since 1970.
    /// - Returns: Whether to store it and to return it.
    public func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool {
        validUntil(value, at: key, wallMilliseconds: wallMilliseconds) != nil
    }

    /// Until when a value may stand under a name: until the session expires.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The whole name, with the namespace.
    ///   - wallMilliseconds: The time, as milliseconds since 1970.
    /// - Returns: The expiry, as milliseconds since 1970; nil for a value that is not valid now.
    public func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64? {
        guard value.count <= limits.wire.recordAnnouncementBytes,
            let name = RecordName(key, namespace: namespace)
        else { return nil }
        do {
            let signed = try SignedAnnouncement(decoding: value, limits: limits.wire)
            // What only its signers may see is not made public by one of them.
            guard signed.announcement.ways & DiscoveryMethod.record.bit != 0 else { return nil }
            let announced = try VerifiedAnnouncement(verifying: signed, expecting: name.session, limits: limits)
            let now = Now(monotonic: .zero, wallMilliseconds: wallMilliseconds)
            try announced.descriptor.checkTimes(at: now, limits: limits)
            return announced.descriptor.expiryMilliseconds
        } catch {
            return nil
        }
    }

    /// Which of two valid values is the better one: that with the higher sequence, and of two with the same the one with the lower
    /// bytes.
    ///
    /// - Parameters:
    ///   - left: One value.
    ///   - right: The other value.
    ///   - key: The whole name, with the namespace.
    /// - Returns: Whether `left` is strictly better than `right`.
    public func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool {
        let (ours, theirs) = (sequence(of: left), sequence(of: right))
        if ours != theirs { return ours > theirs }
        return left.lexicographicallyPrecedes(right)
    }

    /// 0 for what is no announcement: those of announcements are higher.
    private func sequence(of value: [UInt8]) -> UInt64 {
        do {
            return try SignedAnnouncement(decoding: value, limits: limits.wire).announcement.sequence
        } catch {
            return 0
        }
    }
}
