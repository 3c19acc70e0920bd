import WireCodec

/// What this signer knows to have recorded.
struct OwnLedger: Hashable, Sendable {
    private struct Key: Hashable, Sendable {
        let attempt: UInt32
        let run: UInt64

        init(_ body: MessageBody) {
            attempt = body.attempt
            run = body.run
        }
    }

    /// How many attempts back single rows are remembered: there may be any number of attempts.
    private static let window: UInt32 = 256

    private var nonces: Set<Key> = []
    private var partials: Set<Key> = []
    /// Below this attempt nothing is remembered, and nothing follows from what comes back.
    private var remembersFrom: UInt32 = 0
    /// Whether a partial of this signer may have left.
    private(set) var mayHaveSigned = false
    /// Whether an earlier run of this signer may have joined.
    private(set) var hasJoined = false
    /// Whether others remember more of this signer than its store.
    private var isIncomplete = false
    /// Whether it was told that another process has this signer's key.
    private var hasMetOther = false

    init() {}

    init(_ saved: SessionLedger, signer: Int) {
        nonces = Set(saved.nonces.map { Key($0.body) })
        partials = Set(saved.partials.map { Key($0.body) })
        mayHaveSigned = !partials.isEmpty || saved.end?.isAfterPartial == true
        hasJoined = saved.joins[signer] != nil || !saved.nonces.isEmpty || !saved.partials.isEmpty
    }

    /// Whether rows of an attempt are remembered one by one.
    func remembers(_ attempt: UInt32) -> Bool { attempt >= remembersFrom }

    /// Whether a row has the partial that a body carries.
    func holdsPartial(_ body: MessageBody) -> Bool { partials.contains(Key(body)) }

    /// Whether an earlier or later run than this one recorded nonces of an attempt.
    func hasNonces(attempt: UInt32, besides run: UInt64) -> Bool {
        nonces.contains { $0.attempt == attempt && $0.run != run }
    }

    /// Whether a message of an earlier run says more than the rows do.
    func lacks(_ body: MessageBody) -> Bool {
        guard remembers(body.attempt) else { return false }
        return switch body.type {
        case .nonceShare: !nonces.contains(Key(body))
        case .partialSigShare, .noncesComplete: !partials.contains(Key(body))
        default: false
        }
    }

    mutating func noteNonces(_ body: MessageBody) {
        nonces.insert(Key(body))
    }

    /// A partial is durable: it may have left.
    mutating func notePartial(_ body: MessageBody) {
        partials.insert(Key(body))
        mayHaveSigned = true
    }

    /// A partial that others returned, and that the rows lacked.
    mutating func recoverPartial(_ body: MessageBody) {
        partials.insert(Key(body))
    }

    mutating func noteJoined() {
        hasJoined = true
    }

    /// A partial signature of this signer may exist, whatever its store says.
    mutating func noteMaySigned() {
        mayHaveSigned = true
    }

    /// The others remember more of this signer than its store does.
    ///
    /// - Returns: Whether that is new.
    mutating func noteIncomplete() -> Bool {
        defer { isIncomplete = true }
        return !isIncomplete
    }

    /// Another process has this signer's key.
    ///
    /// - Returns: Whether that is new.
    mutating func noteOther() -> Bool {
        defer { hasMetOther = true }
        return !hasMetOther
    }

    /// Forgets the single rows of attempts that are long over; the store has them.
    mutating func reach(_ attempt: UInt32) {
        guard attempt > Self.window, attempt - Self.window > remembersFrom else { return }
        remembersFrom = attempt - Self.window
        let first = remembersFrom
        nonces = nonces.filter { $0.attempt >= first }
        partials = partials.filter { $0.attempt >= first }
    }
}
