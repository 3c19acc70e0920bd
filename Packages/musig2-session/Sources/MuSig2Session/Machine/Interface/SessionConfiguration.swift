/// How one signer's session behaves. What all signers must agree on is in the descriptor.
public struct SessionConfiguration: Hashable, Sendable {
    /// Whether each round starts by itself as soon as it can. Otherwise ``SessionInput/start(_:)`` starts it.
    public var startsRoundsAutomatically = true

    /// Whether each partial signature is verified when it arrives; otherwise only when the final signature fails.
    public var verifiesEveryPartial = false

    /// How many attempts may end early here, each within half of its time, before this signer gives the session up
    /// with `noProgress`. 32. An attempt that took its time does not count, whichever signer ended it.
    public var attemptsWithoutProgress = 32

    /// The wait before something the store refused is tried again. 1 s.
    public var storeRetry: Duration = .seconds(1)

    /// The protocol's defaults.
    public init() {}

    // MARK: What no application sets

    /// The first wait before a SYNC is repeated; doubles each time. 250 ms.
    var syncInterval: Duration = .milliseconds(250)

    /// The longest wait between two SYNCs. 10 s.
    var syncCeiling: Duration = .seconds(10)

    /// The longest wait between two SYNCs while only JOINs are missing. 5 min.
    var joinSyncCeiling: Duration = .seconds(300)

    /// The longest time an attempt's round may take, whatever the descriptor and the doublings say. 6 h.
    var deadlineCeiling: Duration = .seconds(6 * 3_600)

    /// How long an attempt that cannot succeed is kept, so that the signers find out which of them differs. 2 s.
    var disputeWindow: Duration = .seconds(2)

    /// How long a new run may still be told that its own signer has a higher one; from then on a higher one means a
    /// second device. 2 s.
    var runSettling: Duration = .seconds(2)

    /// How many messages of evidence are kept, to be passed on to peers that are bound later. 4.
    var keptEvidence = 4

    /// How many JOINs of one signer are taken in a minute that a relay brings and that replace another; what comes sooner
    /// waits. 6.
    var relayedJoinsPerMinute = 6

    /// How many newer JOINs of one signer are taken in a minute that its own peer shows; what comes sooner waits. 600: a
    /// process that starts anew again and again is not held up.
    var shownJoinsPerMinute = 600

    /// How many introduced peers that no JOIN names there may be above the number of signers. 8.
    var spareIntroductions = 8

    /// How long an introduced peer may take to show a JOIN before it makes room for another. 30 s.
    var introductionTime: Duration = .seconds(30)
}
