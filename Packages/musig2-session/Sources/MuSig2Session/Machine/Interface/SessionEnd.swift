public import WireCodec

/// How a session ended at this signer without signatures, as its store keeps it: the next process answers with it, and does not go on.
public struct SessionEnd: Hashable, Sendable {
    /// The ways to end.
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        /// A signer aborted it, for good.
        case aborted = 1
        /// This signer left it: joining again goes on with it.
        case left = 2
        /// Its time is over.
        case expired = 3
        /// This signer declined it, for good.
        case declined = 4
    }

    /// How it ended.
    public var kind: Kind
    /// The signer that aborted or declined it.
    public var by: Int?
    /// Why it was aborted.
    public var reason: AbortReason
    /// The author's own words.
    public var text: String
    /// Whether a partial signature of *this* signer may have left before: then a signature may exist, for ever.
    public var isAfterPartial: Bool
    /// The ABORT or DECLINE with which peers that come later are answered; nil: none is.
    public var message: SignedMessage?

    /// An end.
    ///
    /// - Parameters:
    ///   - kind: How it ended.
    ///   - by: The signer that aborted or declined it.
    ///   - reason: Why it was aborted.
    ///   - text: The author's own words.
    ///   - isAfterPartial: Whether a partial signature of this signer may have left before.
    ///   - message: The ABORT or DECLINE with which peers that come later are answered.
    public init(
        _ kind: Kind,
        by: Int? = nil,
        reason: AbortReason = .requested,
        text: String = "",
        isAfterPartial: Bool,
        message: SignedMessage? = nil
    ) {
        self.kind = kind
        self.by = by
        self.reason = reason
        self.text = text
        self.isAfterPartial = isAfterPartial
        self.message = message
    }

    init(_ report: AbortReport, message: SignedMessage?) {
        self.init(
            .aborted, by: report.by, reason: report.reason, text: report.text, isAfterPartial: report.isAfterPartial,
            message: message)
    }

    /// What the application is told of it.
    var report: AbortReport {
        let evidence = message.flatMap { try? Abort(decoding: $0.body.payload) }?.evidence
        return AbortReport(by: by, reason: reason, text: text, isAfterPartial: isAfterPartial, evidence: evidence)
    }
}
