import MuSig2Session
import Multiformats

/// The lookups under way: one for each subject.
struct SessionLookups: Sendable {
    /// What is to be done next for a lookup.
    enum Step: Sendable {
        /// Something is waited for.
        case wait
        /// Look these keys up.
        case find([DiscoveryKey])
        /// The lookup has ended.
        case end(SessionLookup)
    }

    /// What becomes of a lookup that waited long enough.
    enum Expiry: Sendable, Hashable {
        /// It is to be searched again.
        case searchAgain
        /// These peers did not answer in time.
        case late(Set<PeerID>)
    }

    private var lookups: [DiscoverySubject: SessionLookup] = [:]
    private let settings: MuSig2Coordinator.Configuration.DiscoverySettings
    private let methods: [DiscoveryMethod]

    /// - Parameters:
    ///   - methods: The methods of discovery that this node has.
    ///   - settings: How looking up is tried.
    init(methods: [DiscoveryMethod], settings: MuSig2Coordinator.Configuration.DiscoverySettings) {
        self.methods = methods
        self.settings = settings
    }

    subscript(_ subject: DiscoverySubject) -> SessionLookup? { lookups[subject] }

    var isEmpty: Bool { lookups.isEmpty }

    var deadline: Duration? { lookups.isEmpty ? nil : lookups.values.compactMap(\.deadline).min() }

    /// The lookups that wait for a peer's answer.
    func subjects(waitingFor peer: PeerID) -> [DiscoverySubject] {
        inOrder { $0.peers.open.contains(peer) }
    }

    private func inOrder(_ isWanted: (SessionLookup) -> Bool) -> [DiscoverySubject] {
        guard !lookups.isEmpty else { return [] }
        return lookups.values.filter(isWanted).map(\.subject).sorted { $0.secret < $1.secret }
    }

    // MARK: Beginning

    /// Begins a lookup, unless one is under way.
    ///
    /// - Parameters:
    ///   - subject: What is looked for.
    ///   - purpose: What for.
    ///   - isNamed: Whether the caller names peers to ask.
    /// - Returns: Whether it is a new one: its keys are to be searched.
    mutating func begin(_ subject: DiscoverySubject, purpose: SessionLookup.Purpose, isNamed: Bool) -> Bool {
        let isNew = lookups[subject] == nil
        if isNew { lookups[subject] = SessionLookup(subject, purpose: purpose, room: settings.providers) }
        if isNamed { lookups[subject]?.findings.isAnythingFound = true }
        return isNew
    }

    /// Looks the subject's keys of the likeliest day up; those of the others are kept for later.
    ///
    /// - Returns: The keys to look up now.
    mutating func search(_ subject: DiscoverySubject, at now: Now) -> [DiscoveryKey] {
        let days = DiscoveryDay.tried(at: now)
        var present: [DiscoveryKey] = []
        var later: [DiscoveryKey] = []
        for method in methods(for: subject) {
            for day in method.isDaily ? days : [0] {
                let key = DiscoveryKey(method: method, subject: subject, day: day)
                if !method.isDaily || day == days.first { present.append(key) } else { later.append(key) }
            }
        }
        lookups[subject]?.keys.later = later
        lookups[subject]?.keys.awaited.formUnion(present)
        return present
    }

    private func methods(for subject: DiscoverySubject) -> [DiscoveryMethod] {
        let wanted: DiscoveryMethod.Subject = subject.session == nil ? .signers : .session
        return methods.filter { $0.subject == wanted }
    }

    // MARK: What was found

    /// The answer for a key is here.
    ///
    /// - Returns: False when nobody waits for it.
    mutating func takeAnswer(for key: DiscoveryKey) -> Bool {
        lookups[key.subject]?.keys.awaited.remove(key) != nil
    }

    /// A search was not possible.
    mutating func searchFailed(_ subject: DiscoverySubject, _ error: CoordinatorError) {
        lookups[subject]?.keys.isSearchFailing = true
        lookups[subject]?.findings.failures.append(error)
    }

    /// Something of a subject was found, and cannot be used.
    mutating func refused(_ subject: DiscoverySubject, _ error: CoordinatorError) {
        lookups[subject]?.findings.failures.append(error)
    }

    /// Something of a subject was found.
    mutating func noteFound(_ subject: DiscoverySubject) {
        lookups[subject]?.findings.isAnythingFound = true
    }

    /// So many peers that a discovery named are asked.
    mutating func noteNamed(_ count: Int, for subject: DiscoverySubject) {
        noteFound(subject)
        lookups[subject]?.peers.room -= count
    }

    /// A session was shown that waits in an inbox.
    mutating func noteShown(_ session: SessionID, in subject: DiscoverySubject) {
        lookups[subject]?.findings.shown.insert(session)
    }

    // MARK: Peers

    /// A peer is asked.
    ///
    /// - Returns: False when it was asked before.
    mutating func ask(_ peer: PeerID, for subject: DiscoverySubject, answerBy time: Duration) -> Bool {
        guard lookups[subject]?.peers.asked.insert(peer).inserted == true else { return false }
        lookups[subject]?.peers.open.insert(peer)
        lookups[subject]?.answerBy = time
        return true
    }

    /// One of the peers that were asked does not show anything.
    ///
    /// - Returns: False when it was not asked, or has answered.
    mutating func fail(_ subject: DiscoverySubject, at peer: PeerID, _ error: CoordinatorError) -> Bool {
        guard lookups[subject]?.peers.open.remove(peer) != nil else { return false }
        lookups[subject]?.findings.failures.append(error)
        return true
    }

    /// One of the peers that were asked has said all it has to say.
    ///
    /// - Returns: False when it was not asked, or has answered.
    mutating func answered(_ subject: DiscoverySubject, by peer: PeerID) -> Bool {
        guard lookups[subject]?.peers.open.remove(peer) != nil else { return false }
        lookups[subject]?.findings.isAnswered = true
        return true
    }

    // MARK: Going on, and the end

    /// What comes next: when nobody is waited for, yesterday's key, another try, or the end.
    mutating func advance(_ subject: DiscoverySubject, at time: Duration) -> Step {
        guard let lookup = lookups[subject], lookup.isIdle else { return .wait }
        let isDone = lookup.tellingFailure != nil || !lookup.findings.shown.isEmpty
        if !isDone, !lookup.keys.later.isEmpty {
            lookups[subject]?.keys.later = []
            lookups[subject]?.keys.awaited.formUnion(lookup.keys.later)
            return .find(lookup.keys.later)
        }
        if !isDone, mayRetry(lookup) {
            lookups[subject]?.keys.retriesDone += 1
            lookups[subject]?.keys.isSearchFailing = false
            lookups[subject]?.keys.retryAt = time + settings.delay(beforeRetry: lookup.keys.retriesDone + 1)
            return .wait
        }
        return .end(lookup)
    }

    /// A search that was not possible is repeated, and so is one for a session of which nothing was found: it may have been published
    /// just now.
    private func mayRetry(_ lookup: SessionLookup) -> Bool {
        guard lookup.purpose == .preview, lookup.keys.retriesDone < settings.retries,
            !methods(for: lookup.subject).isEmpty
        else { return false }
        return lookup.keys.isSearchFailing || !lookup.findings.isAnythingFound && lookup.subject.session != nil
    }

    /// Ends a lookup.
    ///
    /// - Returns: The peers that were still asked.
    mutating func end(_ subject: DiscoverySubject) -> Set<PeerID> {
        lookups.removeValue(forKey: subject)?.peers.open ?? []
    }

    /// The lookups that have waited long enough.
    func due(at time: Duration) -> [DiscoverySubject] {
        inOrder { lookup in lookup.deadline.map { $0 <= time } ?? false }
    }

    /// A lookup has waited long enough.
    mutating func expire(_ subject: DiscoverySubject) -> Expiry? {
        guard let lookup = lookups[subject] else { return nil }
        guard !lookup.peers.open.isEmpty else {
            lookups[subject]?.keys.retryAt = nil
            return .searchAgain
        }
        lookups[subject]?.peers.late.formUnion(lookup.peers.open)
        lookups[subject]?.peers.open = []
        return .late(lookup.peers.open)
    }
}
