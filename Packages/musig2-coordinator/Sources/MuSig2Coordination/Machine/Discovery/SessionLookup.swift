import MuSig2Session
import Multiformats

/// One look for a session, or for what waits in an inbox.
struct SessionLookup: Sendable {
    /// What a lookup is for.
    enum Purpose: Sendable, Hashable {
        /// Somebody waits for the answer.
        case preview
        /// To find the other signers of a session that this node is in.
        case reunion
    }

    /// The peers of a lookup.
    struct Peers: Sendable {
        /// Those that were asked and may still answer.
        var open: Set<PeerID> = []
        /// All that were asked.
        var asked: Set<PeerID> = []
        /// Those that did not answer in time.
        var late: Set<PeerID> = []
        /// How many providers the discoveries may still name.
        var room: Int
    }

    /// The keys of a lookup.
    struct Keys: Sendable {
        /// Those that are looked up now.
        var awaited: Set<DiscoveryKey> = []
        /// Those to look up when nothing comes of the present ones.
        var later: [DiscoveryKey] = []
        /// Whether a search was not possible.
        var isSearchFailing = false
        var retriesDone = 0
        var retryAt: Duration?
    }

    /// What came of a lookup so far.
    struct Findings: Sendable {
        /// Whether anybody or anything was found, or named by the caller.
        var isAnythingFound = false
        /// What went wrong with those that did not show anything.
        var failures: [CoordinatorError] = []
        /// In an inbox: what was shown, and whether anybody showed something, were it nothing.
        var shown: Set<SessionID> = []
        var isAnswered = false
    }

    let subject: DiscoverySubject
    let purpose: Purpose
    var peers: Peers
    var keys = Keys()
    var findings = Findings()
    /// Until when the peers that are open may answer.
    var answerBy: Duration?

    init(_ subject: DiscoverySubject, purpose: Purpose, room: Int) {
        self.subject = subject
        self.purpose = purpose
        peers = Peers(room: room)
    }

    /// When something must be done.
    var deadline: Duration? { peers.open.isEmpty ? keys.retryAt : answerBy }

    /// Whether nothing is waited for.
    var isIdle: Bool { peers.open.isEmpty && keys.awaited.isEmpty && keys.retryAt == nil }

    /// A failure after which nothing else needs to be tried: it is about the session, not about the peers that were asked.
    var tellingFailure: CoordinatorError? {
        guard subject.session != nil else { return nil }
        return failure(of: [.sessionOver, .expired, .notASigner, .clockSkew])
    }

    /// The first failure of the first of these codes that there is one of.
    func failure(of codes: [CoordinatorError.Code]) -> CoordinatorError? {
        for code in codes {
            if let failure = findings.failures.first(where: { $0.code == code }) { return failure }
        }
        return nil
    }
}
