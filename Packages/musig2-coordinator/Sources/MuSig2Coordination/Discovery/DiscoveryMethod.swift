/// A method by which a session can be found: what is made known, under what, and to which peers.
///
/// The creator of a session chooses the methods (``SessionRequest/discovery``). They stand in the signed announcement, so that every
/// signer that joins makes the session known by the same methods, and by no other. A ``SessionDiscovery`` carries a method.
///
/// Without any method, which is `Set.invitation`, a session is published nowhere; an invitation works all the same.
public struct DiscoveryMethod: Sendable, Hashable {
    /// What is made known.
    public enum Subject: Sendable, Hashable {
        /// The session, to peers that know its id.
        case session
        /// To each signer, that something waits for its message key.
        case signers
    }

    /// Its bit in an announcement, 0 to 31. The numbers from 16 on are for methods of one's own.
    public let number: UInt8

    /// Its name, for people.
    public let name: String

    /// What is made known.
    public let subject: Subject

    /// Whether what it is known under changes with each day, so that two days cannot be linked by it.
    public let isDaily: Bool

    /// Whether the announcement itself is published, for anybody to read. Otherwise only peers and their addresses are, and a peer
    /// shows the announcement to the session's signers alone.
    public let isPublic: Bool

    /// A method of one's own. All signers that are to use it must describe it alike.
    ///
    /// - Parameters:
    ///   - number: 16 to 31; nil is returned for any other.
    ///   - name: Its name, for people.
    ///   - subject: What is made known.
    ///   - isDaily: Whether what it is known under changes with each day.
    ///   - isPublic: Whether the announcement itself is published.
    public init?(number: UInt8, name: String, subject: Subject, isDaily: Bool, isPublic: Bool) {
        guard (16...31).contains(number) else { return nil }
        self.init(builtIn: number, name, subject, isDaily: isDaily, isPublic: isPublic)
    }

    private init(builtIn number: UInt8, _ name: String, _ subject: Subject, isDaily: Bool, isPublic: Bool) {
        self.number = number
        self.name = name
        self.subject = subject
        self.isDaily = isDaily
        self.isPublic = isPublic
    }

    /// Each signer that has joined is a provider of H(rendezvous, session id ‖ day) in a DHT. A peer that does not know the session id can
    /// neither compute the key nor link two days; nodes near the key see the addresses of the peers that meet there.
    public static let rendezvous = DiscoveryMethod(
        builtIn: 0, "rendezvous", .session, isDaily: true, isPublic: false)

    /// Each signer that has joined is a provider of H(inbox, message key ‖ day) for each other signer, which so finds what waits for its
    /// key without knowing anything else. A peer that knows a message key can watch its inbox fill, and see the addresses that meet there.
    public static let inbox = DiscoveryMethod(builtIn: 1, "inbox", .signers, isDaily: true, isPublic: false)

    /// The announcement is a value in a DHT under `/musig2-session/ID`: any peer that knows the id can read it, and nodes near the name
    /// can read it without. At most 16 KiB.
    public static let record = DiscoveryMethod(builtIn: 2, "record", .session, isDaily: false, isPublic: true)

    /// The bit in an announcement.
    var bit: UInt32 { 1 << UInt32(number) }
}

extension Set<DiscoveryMethod> {
    /// By invitation alone: the session is published nowhere.
    public static var invitation: Set<DiscoveryMethod> { [] }

    /// The methods as they stand in an announcement, in its field `ways`.
    var bits: UInt32 { reduce(0) { $0 | $1.bit } }
}
