import Multiformats

/// A signer at the peer that its JOIN names.
struct Binding: Hashable, Sendable {
    /// The signer's index.
    let signer: Int
    /// Whether the peer itself showed this JOIN, on its own connection. One that only a relay brought may be a lie of its
    /// author about somebody else's peer: nothing that comes from the peer counts before.
    var isPresented = false
    /// Whether the signer said that it has the signatures.
    var isFinal = false
    /// From when on its silence counts: when it was last heard, by a SYNC, or when a pause is over after it was shown this signer's JOIN
    /// again. Nil: no SYNC of it came since the peer is connected, and it may not know this signer.
    var quietSince: Duration?
    /// When the signer's last step began: a SYNC that follows too soon is none, and gets nothing twice.
    var stepBegan: Duration?
    /// What the signer asked for and did not get yet: it gets each the moment it is here.
    var wants: SlotSet

    /// Whether a SYNC of the signer came since the peer is connected.
    var hasSynced: Bool { quietSince != nil }

    /// Forgets all that belongs to one connection.
    mutating func forgetConnection() {
        quietSince = nil
        stepBegan = nil
        wants.removeAll()
    }
}

/// How a peer was introduced by the application, a discovery or an announcement.
struct Introduction: Hashable, Sendable {
    /// When it was first.
    let at: Duration
    /// Where it can be reached, as those that introduced it said.
    var addresses: [[UInt8]] = []
    /// Whether it showed the announcement that names it, which stands for the creator's JOIN until that is here.
    var isAnnouncer = false
}

/// What went to and fro with a peer since it is connected.
struct Exchange: Hashable, Sendable {
    /// Answers that a peer gets at most once per step: between two SYNCs of its own.
    struct Answers: OptionSet, Hashable, Sendable {
        let rawValue: UInt8

        static let signatures = Answers(rawValue: 1)
        static let abort = Answers(rawValue: 2)
        static let attempt = Answers(rawValue: 4)
        static let leaves = Answers(rawValue: 16)
    }

    var isConnected = false
    /// What it was sent since it connected or since its last SYNC.
    var sent: SlotSet
    /// What it was asked for by our last SYNC.
    var asked: SlotSet
    /// Whether it is in this signer's attempt, as it said, or was shown what led there.
    var knowsAttempt = false
    /// What it was answered since the last step of one of its signers, besides slots.
    private(set) var answered: Answers = []
    /// When it was last told that a JOIN it brought is not the newest.
    private var correctedAt: Duration?

    init(signers: Int) {
        sent = SlotSet(signers: signers)
        asked = SlotSet(signers: signers)
    }

    /// Notes an answer.
    ///
    /// - Returns: Whether it is the first of its kind in this step.
    mutating func answer(_ answer: Answers) -> Bool { answered.insert(answer).inserted }

    /// A new step of one of its signers: it may be answered again.
    mutating func beginStep() {
        answered = []
    }

    /// Notes that it is shown the JOIN that is here.
    ///
    /// - Returns: Whether it was not shown it lately.
    mutating func correct(at now: Duration, pause: Duration) -> Bool {
        if let last = correctedAt, now - last < pause { return false }
        correctedAt = now
        return true
    }

    mutating func reset(isConnected: Bool) {
        self.isConnected = isConnected
        correctedAt = nil
        answered = []
        sent.removeAll()
        asked.removeAll()
        knowsAttempt = false
    }

    mutating func forgetAttempt() {
        knowsAttempt = false
        sent.removeAllButJoins()
        asked.removeAllButJoins()
    }
}

/// What a session knows of one peer.
struct PeerState: Hashable, Sendable {
    /// The signers with a JOIN that names this peer, by ascending index. None: it is only introduced.
    private(set) var bindings: [Binding] = []
    /// How it was introduced; nil: it was not.
    private(set) var introduction: Introduction?
    var exchange: Exchange
    /// How many messages of the kept evidence it was shown.
    var evidenceShown = 0

    init(signers: Int) {
        exchange = Exchange(signers: signers)
    }

    var isConnected: Bool { exchange.isConnected }

    /// Whether it announced the session.
    var isAnnouncer: Bool { introduction?.isAnnouncer ?? false }

    /// Whether a JOIN names it, or it announced the session: it is sent what signers are sent.
    var isNamed: Bool { !bindings.isEmpty || isAnnouncer }

    /// Whether it showed what names it: what it sends counts.
    var isBound: Bool { isAnnouncer || bindings.contains { $0.isPresented } }

    /// Whether it may be sent all that signers are sent.
    var isReachable: Bool { isConnected && isNamed }

    /// Whether a signer's JOIN names it.
    func isNamed(by signer: Int) -> Bool { bindings.contains { $0.signer == signer } }

    /// Whether it showed a signer's JOIN that names it.
    func presents(_ signer: Int) -> Bool { bindings.contains { $0.signer == signer && $0.isPresented } }

    /// Whether it speaks for one signer alone, and that is this one.
    func isOnly(_ signer: Int) -> Bool { bindings.count == 1 && presents(signer) }

    /// A signer's binding, if its JOIN names this peer.
    func binding(of signer: Int) -> Binding? { bindings.first { $0.signer == signer } }

    /// Whether one of its signers asked for what is in a slot.
    func wants(_ slot: Slot) -> Bool { bindings.contains { $0.wants.contains(slot) } }

    /// Whether a SYNC came of each signer that is here for sure.
    private var hasSynced: Bool {
        let presented = bindings.filter(\.isPresented)
        return !presented.isEmpty && presented.allSatisfy(\.hasSynced)
    }

    /// Whether all its signers have the signatures.
    var isFinal: Bool {
        let presented = bindings.filter(\.isPresented)
        return !presented.isEmpty && presented.allSatisfy(\.isFinal)
    }

    /// Whether a step of this signer shows the peer this signer's JOIN: until a SYNC of each signer that is here for sure came, and
    /// again, after a pause, when one of them has been silent for so long.
    mutating func needsJoin(after silence: Duration, _ pause: Duration, at now: Duration) -> Bool {
        guard hasSynced else { return true }
        let isQuiet = bindings.contains { $0.isPresented && $0.quietSince.map { now - $0 >= silence } ?? false }
        guard isQuiet else { return false }
        for position in bindings.indices where bindings[position].hasSynced {
            bindings[position].quietSince = now + pause
        }
        return true
    }

    // MARK: Bindings

    /// Binds a signer to this peer. What is known of it there stays, but for what only its older run said.
    mutating func bind(_ signer: Int, isPresented: Bool, signers: Int) {
        var binding = Binding(signer: signer, wants: SlotSet(signers: signers))
        if let position = bindings.firstIndex(where: { $0.signer == signer }) {
            binding = bindings.remove(at: position)
            binding.isFinal = false
        }
        binding.isPresented = isPresented
        bindings.insert(binding, at: bindings.firstIndex { $0.signer > signer } ?? bindings.count)
    }

    mutating func unbind(_ signer: Int) {
        bindings.removeAll { $0.signer == signer }
    }

    /// Changes a signer's binding, if there is one.
    mutating func change(_ signer: Int, _ change: (inout Binding) -> Void) {
        if let position = bindings.firstIndex(where: { $0.signer == signer }) { change(&bindings[position]) }
    }

    /// It sent the signatures, so that it has them. Of several signers at one peer each has its own state.
    mutating func noteSignatures() {
        if bindings.count == 1, bindings[0].isPresented { bindings[0].isFinal = true }
    }

    /// It may not know that this signer is there: it is shown its JOIN with the next step.
    mutating func doubtSyncs() {
        for position in bindings.indices { bindings[position].quietSince = nil }
    }

    /// Begins a step of a signer. Honest steps are never closer than seven eighths of the first wait.
    ///
    /// - Returns: Whether there is such a signer, and its last step is long enough ago: a peer that asks more often gets nothing again.
    mutating func beginStep(_ signer: Int, pause: Duration, at now: Duration) -> Bool {
        guard let position = bindings.firstIndex(where: { $0.signer == signer }) else { return false }
        if let began = bindings[position].stepBegan, now - began < pause { return false }
        bindings[position].stepBegan = now
        exchange.beginStep()
        return true
    }

    /// A new run of a signer is a new process, which has nothing of what the old one was sent.
    mutating func forgetProcess(of signer: Int) {
        change(signer) { binding in
            binding.wants.removeAll()
            binding.quietSince = nil
        }
        exchange.sent.removeAll()
        exchange.asked.removeAll()
    }

    // MARK: Introductions

    mutating func introduce(_ addresses: [[UInt8]], at now: Duration) {
        if introduction == nil { introduction = Introduction(at: now) }
        if !addresses.isEmpty { introduction?.addresses = addresses }
    }

    mutating func setAnnouncer(_ isAnnouncer: Bool) {
        introduction?.isAnnouncer = isAnnouncer
    }

    // MARK: Connections and attempts

    /// Notes that it was sent what is in a slot.
    mutating func noteSent(_ slot: Slot) {
        exchange.sent.insert(slot)
        for position in bindings.indices { bindings[position].wants.remove(slot) }
    }

    /// It is connected, or it is not any more.
    mutating func reset(isConnected: Bool) {
        exchange.reset(isConnected: isConnected)
        for position in bindings.indices { bindings[position].forgetConnection() }
    }

    mutating func forgetAttempt() {
        exchange.forgetAttempt()
        for position in bindings.indices { bindings[position].wants.removeAllButJoins() }
    }

    /// Nothing is gathered any more.
    mutating func forgetWants() {
        for position in bindings.indices { bindings[position].wants.removeAll() }
        exchange.asked.removeAll()
    }
}
