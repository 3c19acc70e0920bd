/// When this signer asks for what is missing: a back-off that begins anew with each new want.
struct SyncSchedule: Hashable, Sendable {
    /// The first wait.
    private let interval: Duration
    /// What the jitter depends on: the session and the signer.
    private let seed: UInt64
    private var step = 0
    /// How many steps there were, however often the back-off begins anew.
    private(set) var rotation = 0
    /// When everything missing is asked for again; nil: nothing is missing.
    private(set) var next: Duration?

    init(interval: Duration, session: SessionID, signer: Int) {
        self.interval = interval
        seed = session.bytes.prefix(8).reduce(UInt64(signer) &+ 1) { ($0 << 8 | $0 >> 56) ^ UInt64($1) }
    }

    /// Whether asking the nearest peers has not helped: from the third step on.
    var isLate: Bool { step >= 2 }

    /// How long a peer may say nothing before it is shown this signer's JOIN again.
    func silence(ceiling: Duration) -> Duration { delay(ofStep: max(1, step - 2), ceiling: ceiling) * 3 }

    /// The time until the next SYNC: doubling, with a jitter of an eighth either way that depends on the signer and the step.
    private func delay(ofStep step: Int, ceiling: Duration) -> Duration {
        var delay = interval
        for _ in 0..<min(step, 32) where delay < ceiling { delay += delay }
        delay = min(delay, ceiling)
        let hash = (seed &+ UInt64(step)) &* 0x9E37_79B9_7F4A_7C15
        let eighths = Double(hash >> 40) / Double(1 << 24) - 0.5
        return delay + delay * (eighths / 4)
    }

    /// Sets the timer if it is not set.
    mutating func ensure(at now: Duration, ceiling: Duration) {
        if next == nil { next = now + delay(ofStep: step, ceiling: ceiling) }
    }

    /// Starts the back-off again: something new is wanted, or nothing is.
    mutating func restart(isWanting: Bool, at now: Duration, ceiling: Duration) {
        step = 0
        next = isWanting ? now + delay(ofStep: 0, ceiling: ceiling) : nil
    }

    /// Brings the next SYNC near, if it is far.
    mutating func hurry(at now: Duration) {
        let soon = now + interval
        guard next.map({ $0 > soon }) ?? true else { return }
        step = min(step, 1)
        next = soon
    }

    /// One step of the back-off.
    mutating func advance(at now: Duration, ceiling: Duration) {
        step = min(step + 1, 1 << 20)
        rotation = (rotation + 1) % (1 << 20)
        next = now + delay(ofStep: step, ceiling: ceiling)
    }

    mutating func stop() {
        next = nil
    }
}
