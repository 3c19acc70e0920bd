public import MuSig2Session
public import Secp256k1

/// What is looked for: a session by its id, or all that waits for a message key.
///
/// Its 32 bytes are the secret of a HELLO: a provider must show that it knows them before it is told anything.
public enum DiscoverySubject: Sendable, Hashable {
    /// One session.
    case session(SessionID)
    /// The sessions that wait for the holder of a message key.
    case inbox(XOnlyPublicKey)

    /// The session id, or the x coordinate of the message key.
    var secret: Hash32 {
        switch self {
        case .session(let id): id.hash
        case .inbox(let key): key.x
        }
    }

    /// The session, if it is one.
    var session: SessionID? {
        if case .session(let id) = self { id } else { nil }
    }

    /// The name under which the table of peers remembers which peers are wanted while this is looked for. It is no session's id: a node that looks for
    /// the signers of a session that it is in wants some peers twice.
    var wish: SessionID { SessionID(ProviderKey(self, day: 0).hash) }
}

/// Where a session is made known, or looked for: a subject, on a day, by a method.
public struct DiscoveryKey: Sendable, Hashable {
    /// By which method.
    public let method: DiscoveryMethod

    /// What is found there.
    public let subject: DiscoverySubject

    /// The day, Unix seconds divided by 86,400; 0 for a method that is not daily.
    public let day: UInt32

    /// Makes a key.
    ///
    /// - Parameters:
    ///   - method: By which method.
    ///   - subject: What is found there.
    ///   - day: Unix seconds divided by 86,400; 0 for a method that is not daily.
    public init(method: DiscoveryMethod, subject: DiscoverySubject, day: UInt32) {
        self.method = method
        self.subject = subject
        self.day = day
    }

    /// 34 bytes that hide the subject: the multihash `12 20`, then H(rendezvous, session id ‖ day) or
    /// H(inbox, x coordinate ‖ day).
    public var bytes: [UInt8] { ProviderKey(subject, day: day).bytes }
}

/// The key of a subject on a day, by which its providers are found and asked.
///
/// It hides the subject: a peer that does not know it can neither compute the key nor tell that two days belong together.
struct ProviderKey: Sendable, Hashable {
    let hash: Hash32

    init(_ subject: DiscoverySubject, day: UInt32) {
        let dayBytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: day >> $0) }
        let tag: Tag =
            switch subject {
            case .session: .rendezvous
            case .inbox: .inbox
            }
        hash = tag.hash(subject.secret.bytes + dayBytes)
    }

    /// The multihash: `12 20`, then the hash.
    var bytes: [UInt8] { [0x12, 0x20] + hash.bytes }
}

/// The days by which keys change, at midnight UTC.
enum DiscoveryDay {
    static let milliseconds: UInt64 = 86_400_000
    /// How long before a day begins its keys are published: 2 h.
    static let lead: UInt64 = 2 * 3_600_000
    /// How long before a day begins its keys are tried: so far the clocks of two signers may be apart.
    static let tolerance = SessionLimits.standard.clockTolerance

    /// The day of a moment.
    static func of(_ now: Now) -> UInt32 {
        UInt32(truncatingIfNeeded: now.wallMilliseconds / milliseconds)
    }

    /// The days with keys that are published: today, and in the last two hours tomorrow.
    static func published(at now: Now) -> [UInt32] {
        let today = of(now)
        let isLate = now.wallMilliseconds % milliseconds >= milliseconds - lead
        return isLate ? [today, today &+ 1] : [today]
    }

    /// The days that a joiner tries, in this order: today, then yesterday. In the last minutes of a day tomorrow comes first, since a
    /// provider with a clock that is ahead may publish nothing else; one with a clock that is behind publishes it too.
    static func tried(at now: Now) -> [UInt32] {
        let today = of(now)
        let isLate = now.wallMilliseconds % milliseconds >= milliseconds - tolerance
        return (isLate ? [today &+ 1] : []) + [today] + (today > 0 ? [today - 1] : [])
    }

    /// When a day's key is of no use any more: joiners try it until the end of the day after.
    static func end(of day: UInt32) -> UInt64 { (UInt64(day) + 2) * milliseconds }

    /// How long until the published days change.
    static func untilChange(at now: Now) -> Duration {
        let past = now.wallMilliseconds % milliseconds
        let next = past < milliseconds - lead ? milliseconds - lead : milliseconds
        return .milliseconds(Int64(next - past))
    }
}
