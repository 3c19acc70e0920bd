/// The run of this life of the machine, which may be raised once: its signer's store may be an older copy.
struct RunClaim: Hashable, Sendable {
    private(set) var run: UInt64
    /// The run above which one was asked for; nothing is issued until it is here.
    private var awaited: UInt64?
    private var hasRaised = false
    /// When this run's JOIN was issued; settled runs take no higher one.
    private var joinedAt: Duration?
    private var isSettled = false

    init(run: UInt64) {
        self.run = run
    }

    /// Whether another run was asked for and is not here.
    var isAwaited: Bool { awaited != nil }

    /// Whether this life has issued a JOIN.
    var hasJoined: Bool { joinedAt != nil }

    /// The JOIN is issued.
    ///
    /// - Returns: Whether it is the first one of this life.
    mutating func join(at now: Duration) -> Bool {
        if joinedAt != nil { return false }
        joinedAt = now
        return true
    }

    /// Others have used this run.
    mutating func settle() {
        isSettled = true
    }

    /// What follows when others remember a higher run of this signer.
    enum OnHigherRun: Hashable {
        /// One above it is asked for already.
        case nothing
        /// This run is new: its store is an older copy, or there is a second device. It takes one above, once.
        case raise
        /// Others have used this run: there is another process.
        case supersede
    }

    mutating func meet(_ higher: UInt64, within settling: Duration, at now: Duration) -> OnHigherRun {
        if let awaited, higher <= awaited { return .nothing }
        let age = joinedAt.map { now - $0 } ?? .zero
        guard !hasRaised, !isSettled, age < settling,
            RunNumber.number(of: higher) < RunNumber.limit - 2 * RunNumber.blockSize
        else { return .supersede }
        hasRaised = true
        awaited = higher
        return .raise
    }

    /// A higher run is claimed.
    ///
    /// - Returns: Whether it is what was asked for.
    mutating func raise(to higher: UInt64) -> Bool {
        guard let awaited, higher > awaited else { return false }
        self.awaited = nil
        run = higher
        return true
    }

    /// The session is over: no run is waited for.
    mutating func stopWaiting() {
        awaited = nil
    }
}
