import MuSig2Session
import Multiformats

/// What this node looks for, what it shows, and what it makes known.
struct DiscoveryState: Sendable {
    var lookups: SessionLookups
    var previews: PreviewCache
    var exchanges: HelloExchanges
    var index = DiscoveryIndex()
    var publisher: Publisher
    /// How the own inbox is watched; nil: not.
    var inbox: InboxWatch?
    var reunions: ReunionSchedule
    var renewals: RenewalQueue

    /// When something is due; nil: nothing waits for time.
    var deadline: Duration? {
        var next = exchanges.deadline
        for other in [lookups.deadline, publisher.deadline, inbox?.nextAt, reunions.deadline, renewals.deadline] {
            if let other { next = min(next ?? other, other) }
        }
        return next
    }

    /// A session is gone.
    mutating func forget(_ session: SessionID) {
        index.remove(session)
        publisher.forget(session)
        reunions.forget(session)
        renewals.forget(session)
    }

    /// The process ends: nothing is looked for by itself any more.
    mutating func stop() {
        inbox = nil
        reunions.stop()
    }
}
