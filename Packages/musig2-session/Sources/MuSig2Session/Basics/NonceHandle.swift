/// Stands for the secret nonces of one attempt, which are in a ``NonceVault`` and nowhere else.
public struct NonceHandle: Hashable, Sendable, CustomStringConvertible {
    /// Which session.
    public let session: SessionID
    /// Which attempt.
    public let attempt: UInt32
    /// Which run of the signer.
    public let run: UInt64

    /// A handle.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - attempt: Which attempt.
    ///   - run: Which run of the signer.
    public init(session: SessionID, attempt: UInt32, run: UInt64) {
        self.session = session
        self.attempt = attempt
        self.run = run
    }

    /// Names the attempt and the run; shows nothing secret, for there is nothing.
    public var description: String { "nonces of attempt \(attempt), run \(run), session \(session)" }
}
