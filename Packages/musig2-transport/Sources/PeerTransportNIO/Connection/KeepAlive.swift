/// Whether the other side of a running connection is still there, by pings of this side: what to do when the timer runs out.
///
/// It has no clock. The owner arms a timer as it is told, and tells when that has run out.
struct KeepAlive {
    /// What to do now.
    enum Action: Equatable {
        /// Ping with this value, and arm the timer.
        case ping(UInt32, check: Duration)
        /// The other side is there: arm the timer for the next ping.
        case wait(Duration)
        /// Nothing came within this time: end the connection.
        case giveUp(after: Duration)
    }

    private enum State {
        case quiet
        /// A ping was sent, which has this long to be answered.
        case pinged(within: Duration)
    }

    /// Noise messages without plaintext that are taken from one ping to the next.
    static let maximumEmptyMessages = 4096

    private let timeouts: TCPTransport.Timeouts
    private var state = State.quiet
    private var pings: UInt32 = 0
    /// Whether anything came since the last ping was sent.
    private var hasReceived = false
    private var emptyMessages = 0

    init(_ timeouts: TCPTransport.Timeouts) {
        self.timeouts = timeouts
    }

    /// How long the first ping waits.
    var firstPing: Duration { timeouts.keepAliveInterval }

    /// Bytes have come.
    mutating func received() { hasReceived = true }

    /// A Noise message without plaintext has come. Some implementations send one; nobody sends them all the time.
    ///
    /// - Returns: Whether there may be one more.
    mutating func receivedEmptyMessage() -> Bool {
        emptyMessages += 1
        return emptyMessages <= Self.maximumEmptyMessages
    }

    /// The timer has run out. `awaitsPong` says whether the last ping was not answered.
    mutating func timerFired(awaitsPong: Bool) -> Action {
        guard case .pinged(let limit) = state else { return ping(within: timeouts.keepAlive) }
        state = .quiet
        // A ping waits behind what was sent before it; a peer that takes that in is alive.
        return awaitsPong && !hasReceived ? .giveUp(after: limit) : .wait(timeouts.keepAliveInterval)
    }

    /// The process has slept: the other side may have given the connection up.
    mutating func woke() -> Action { ping(within: min(timeouts.waking, timeouts.keepAlive)) }

    private mutating func ping(within limit: Duration) -> Action {
        state = .pinged(within: limit)
        pings &+= 1
        hasReceived = false
        emptyMessages = 0
        return .ping(pings, check: limit)
    }
}
