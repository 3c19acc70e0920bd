import MuSig2Session
import Multiformats

/// A newer announcement of a session that this node is in, and the peer that showed it; nil: it was found.
struct Renewal: Sendable {
    let announced: VerifiedAnnouncement
    let shownBy: PeerID?

    var session: SessionID { announced.descriptor.id }
}

/// Newer announcements, which say that the creator's addresses have changed: each names a peer that is dialled, and is written and
/// published. So many of a session are taken in a minute; of those above the newest waits.
struct RenewalQueue: Sendable {
    /// What becomes of a newer announcement.
    enum Outcome: Sendable, Hashable {
        case taken
        case waits
        /// A newer one waits.
        case stale
    }

    private struct Line {
        var window = RateWindow()
        var waiting: Renewal?
        var due = Duration.zero
    }

    private var lines: [SessionID: Line] = [:]
    private let perMinute: Int

    /// No announcement that waits is due before this time.
    private(set) var deadline: Duration?

    init(perMinute: Int) {
        self.perMinute = perMinute
    }

    /// Takes an announcement, or lets it wait.
    mutating func offer(_ renewal: Renewal, at time: Duration) -> Outcome {
        let session = renewal.session
        var line = lines[session] ?? Line()
        defer { lines[session] = line }
        guard !line.window.take(perMinute, at: time) else {
            line.waiting = nil
            return .taken
        }
        if let waiting = line.waiting, waiting.announced.sequence >= renewal.announced.sequence { return .stale }
        line.waiting = renewal
        line.due = line.window.opens(perMinute, at: time)
        deadline = min(deadline ?? line.due, line.due)
        return .waits
    }

    /// Takes the announcements that waited long enough out, to be offered again.
    mutating func takeDue(at time: Duration) -> [Renewal] {
        guard let due = deadline, due <= time else { return [] }
        deadline = nil
        var renewals: [Renewal] = []
        for (session, line) in lines.sorted(by: { $0.key < $1.key }) {
            guard let waiting = line.waiting else { continue }
            if line.due <= time {
                lines[session]?.waiting = nil
                renewals.append(waiting)
            } else {
                deadline = min(deadline ?? line.due, line.due)
            }
        }
        return renewals
    }

    mutating func forget(_ session: SessionID) {
        lines[session] = nil
    }
}
