public import WireCodec

/// The same for the real computations. Callers in other modules do not see the bodies of generic functions and would run
/// them in their generic form, which asks the type of everything it touches; these are compiled for BIP-327 here.
extension SessionMachine where Crypto == BIP327 {
    /// Takes one input.
    ///
    /// - Parameters:
    ///   - input: What happened.
    ///   - now: The time.
    /// - Returns: What to do, in order.
    public mutating func handle(_ input: SessionInput, at now: Now) -> [Effect] {
        step(input, at: now)
    }

    /// The most that taking in a message costs: one for each signature that is checked, and one for each 4 points that
    /// are parsed. Nothing is checked here.
    ///
    /// - Parameter message: A signed message of this session, as received.
    /// - Returns: The cost in signature checks, at least 1.
    public func cost(of message: SignedMessage) -> Int { signatureCost(of: message) }

    /// When ``SessionInput/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { earliestDeadline }
}
