import MuSig2Session

/// When a session that hears of no other signer looks for them again: all of them may be elsewhere by now.
struct ReunionSchedule: Sendable {
    private var times: [SessionID: Duration] = [:]
    /// To how many peers each session was introduced by looking for the other signers.
    private var met: [SessionID: Int] = [:]
    private let interval: Duration
    /// The most peers that one session is introduced to by reunions.
    private static let strangers = 64

    /// When the next reunion is due; never later than that.
    private(set) var deadline: Duration?

    init(interval: Duration) {
        self.interval = interval
    }

    /// Plans the next reunion of a session after the usual time.
    mutating func plan(_ session: SessionID, after time: Duration) {
        plan(session, at: time + interval)
    }

    mutating func plan(_ session: SessionID, at time: Duration) {
        times[session] = time
        deadline = min(deadline ?? time, time)
    }

    /// Takes the sessions with a reunion that is due, and plans their next one.
    ///
    /// - Parameters:
    ///   - time: Now.
    ///   - isOpen: Whether a session is still open; the others look no more.
    /// - Returns: The sessions, by their ids.
    mutating func takeDue(at time: Duration, isOpen: (SessionID) -> Bool) -> [SessionID] {
        guard let due = deadline, due <= time else { return [] }
        deadline = nil
        var all: [SessionID] = []
        for (session, next) in times.sorted(by: { $0.key < $1.key }) {
            guard isOpen(session), mayMeet(session) else {
                times[session] = nil
                continue
            }
            guard next <= time else {
                deadline = min(deadline ?? next, next)
                continue
            }
            plan(session, after: time)
            all.append(session)
        }
        return all
    }

    private func mayMeet(_ session: SessionID) -> Bool { met[session, default: 0] < Self.strangers }

    /// A session meets one more peer.
    ///
    /// - Returns: False when it met so many that it meets no more.
    mutating func meet(_ session: SessionID) -> Bool {
        guard mayMeet(session) else { return false }
        met[session, default: 0] += 1
        return true
    }

    mutating func forget(_ session: SessionID) {
        times[session] = nil
        met[session] = nil
    }

    /// No reunion is due any more, unless another one is planned.
    mutating func stop() {
        deadline = nil
    }
}
