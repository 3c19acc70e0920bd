import MuSig2Session
import Secp256k1

/// Which subject stands behind a key that somebody asks for: those of yesterday, today and tomorrow, of all sessions that are here.
struct DiscoveryIndex: Sendable {
    private var subjects: [Hash32: DiscoverySubject] = [:]
    /// The inboxes in which a session waits.
    private var inboxesOf: [SessionID: [XOnlyPublicKey]] = [:]
    private var sessionsIn: [XOnlyPublicKey: Set<SessionID>] = [:]
    private var day: UInt32?

    /// Shows a session: to peers that know its id, and in these inboxes.
    mutating func add(_ session: SessionID, inboxes: [XOnlyPublicKey], today: UInt32) {
        roll(to: today)
        guard inboxesOf[session] == nil else { return }
        inboxesOf[session] = inboxes
        insert(.session(session))
        for key in inboxes where sessionsIn[key, default: []].insert(session).inserted {
            if sessionsIn[key]?.count == 1 { insert(.inbox(key)) }
        }
    }

    /// Shows a session no longer.
    mutating func remove(_ session: SessionID) {
        guard let inboxes = inboxesOf.removeValue(forKey: session) else { return }
        erase(.session(session))
        for key in inboxes {
            sessionsIn[key]?.remove(session)
            guard sessionsIn[key]?.isEmpty == true else { continue }
            sessionsIn[key] = nil
            erase(.inbox(key))
        }
    }

    /// The subject behind a key.
    mutating func subject(of key: Hash32, today: UInt32) -> DiscoverySubject? {
        roll(to: today)
        return subjects[key]
    }

    /// The sessions that wait in an inbox.
    func sessions(in inbox: XOnlyPublicKey) -> Set<SessionID> { sessionsIn[inbox] ?? [] }

    private mutating func roll(to today: UInt32) {
        guard day != today else { return }
        day = today
        subjects = [:]
        for session in inboxesOf.keys { insert(.session(session)) }
        for key in sessionsIn.keys { insert(.inbox(key)) }
    }

    private mutating func insert(_ subject: DiscoverySubject) {
        for key in keys(of: subject) { subjects[key] = subject }
    }

    private mutating func erase(_ subject: DiscoverySubject) {
        for key in keys(of: subject) { subjects[key] = nil }
    }

    private func keys(of subject: DiscoverySubject) -> [Hash32] {
        guard let day else { return [] }
        return [day &- 1, day, day &+ 1].map { ProviderKey(subject, day: $0).hash }
    }
}
