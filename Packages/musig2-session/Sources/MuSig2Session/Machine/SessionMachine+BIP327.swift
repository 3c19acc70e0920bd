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

    /// When ``SessionInput/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { earliestDeadline }
}
