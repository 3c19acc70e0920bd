public import MuSig2Session

/// What went wrong in a coordinator.
///
/// Two errors are equal when their ``code`` is equal: the code is what a program decides by, ``message`` is for people and says what
/// to do next. New codes may be added in a minor release; compare against the ones you handle and treat the rest alike.
public struct CoordinatorError: Error, Sendable {
    /// The kind of failure: stable, and able to grow.
    public var code: Code

    /// One or two sentences for people: what failed, what was expected, what was found, what to do next.
    public var message: String

    /// The session it is about, when it is about one.
    public var session: SessionID?

    /// The index of the signer it is about, when it is about one.
    public var signer: Int?

    /// The text of the error below this one, when there is one.
    public var underlying: String?

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: One or two sentences for people.
    ///   - session: The session it is about.
    ///   - signer: The index of the signer it is about.
    ///   - underlying: The text of the error below this one.
    public init(
        _ code: Code,
        _ message: String,
        session: SessionID? = nil,
        signer: Int? = nil,
        underlying: String? = nil
    ) {
        self.code = code
        self.message = message
        self.session = session
        self.signer = signer
        self.underlying = underlying
    }

    /// The kind of a ``CoordinatorError``.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The stable name of the code, in lower camel case.
        public let name: String

        /// Makes a code.
        ///
        /// - Parameter name: The stable name of the code.
        public init(_ name: String) {
            self.name = name
        }

        /// The stable name of the code.
        public var description: String { name }

        /// A field of the configuration cannot work.
        public static let invalidConfiguration = Code("invalidConfiguration")
        /// A field of a session request cannot become a descriptor.
        public static let invalidRequest = Code("invalidRequest")
        /// An invitation cannot be used: no address, or an address without a peer id.
        public static let invalidInvitation = Code("invalidInvitation")
        /// This node knows no session with this id.
        public static let unknownSession = Code("unknownSession")
        /// This node is in this session already.
        public static let alreadyJoined = Code("alreadyJoined")
        /// The key of this node is not among the signers of the session.
        public static let notASigner = Code("notASigner")
        /// None of the peers that might show the session could be reached.
        public static let unreachable = Code("unreachable")
        /// No discovery knows a peer that might show the session.
        public static let notFound = Code("notFound")
        /// Looking through a discovery was not possible, though it was tried again.
        public static let lookupFailed = Code("lookupFailed")
        /// A peer was reached, but it does not know the session, or does not show it to this key.
        public static let notShown = Code("notShown")
        /// The peer sent an announcement that is not of this session, is not signed by its creator, or breaks a rule.
        public static let announcementRefused = Code("announcementRefused")
        /// The time of this machine and that of the session's creator do not agree.
        public static let clockSkew = Code("clockSkew")
        /// The wait was longer than its limit.
        public static let timedOut = Code("timedOut")
        /// The session is over: finished, or past its expiry.
        public static let sessionOver = Code("sessionOver")
        /// The consent policy did not approve the session.
        public static let notApproved = Code("notApproved")
        /// The approval of the session was withdrawn.
        public static let approvalWithdrawn = Code("approvalWithdrawn")
        /// A write to the store failed; nothing that needed it has left. It is tried again.
        public static let storeFailed = Code("storeFailed")
        /// What is in the store cannot be read.
        public static let storeUnreadable = Code("storeUnreadable")
        /// A limit of ``MuSig2Coordinator/Configuration`` is reached; the message names it.
        public static let limitReached = Code("limitReached")
        /// The session was aborted.
        public static let aborted = Code("aborted")
        /// The session expired before it was complete.
        public static let expired = Code("expired")
        /// The session ended for this node, for good: it cannot be joined again. The message says how.
        public static let ended = Code("ended")
        /// This node left the session. Joining it again goes on with it.
        public static let left = Code("left")
        /// The session was closed here before it was complete.
        public static let closed = Code("closed")
        /// A newer process with the same key took over the session.
        public static let superseded = Code("superseded")
        /// A signer, or a copy of it, signed twice with one nonce: its key must be given up.
        public static let signerCompromised = Code("signerCompromised")
        /// Signatures that were offered do not verify for the session.
        public static let invalidSignature = Code("invalidSignature")
        /// A signer sent what it must not; the message says what, and there may be evidence.
        public static let signerMisbehaved = Code("signerMisbehaved")
        /// A peer was shut out for a while.
        public static let peerBanned = Code("peerBanned")
        /// A peer answered with an error of its own; the message has its code.
        public static let peerReported = Code("peerReported")
        /// Publishing the session by one of its methods failed; the others and invitations still work, and it is tried again.
        public static let publishFailed = Code("publishFailed")
        /// Nothing valid came for a long time while a deadline runs. Told as an event; the session goes on.
        public static let stuck = Code("stuck")
        /// This step is not possible now, or was done already; the message says why.
        public static let wrongPhase = Code("wrongPhase")
        /// The coordinator was not started, or was shut down.
        public static let notRunning = Code("notRunning")
        /// The task that waited was cancelled.
        public static let cancelled = Code("cancelled")
    }
}

extension CoordinatorError: Equatable {
    /// Equal when the codes are.
    public static func == (left: CoordinatorError, right: CoordinatorError) -> Bool {
        left.code == right.code
    }
}

extension CoordinatorError: CustomStringConvertible {
    /// `code: message (underlying)`.
    public var description: String {
        guard let underlying else { return "\(code): \(message)" }
        return "\(code): \(message) (\(underlying))"
    }
}

extension CoordinatorError {
    /// What a descriptor that cannot be used means for a node that wants to join.
    init(_ error: DescriptorError, session: SessionID?) {
        switch error {
        case .notASigner, .wrongMessageKey:
            self.init(
                .notASigner, "this node's key is not among the signers of the session: ask its creator",
                session: session,
                underlying: "\(error)")
        case .createdInFuture:
            self.init(
                .clockSkew, "the session was made in the future by this machine's clock: set the clocks right",
                session: session, underlying: "\(error)")
        case .expired:
            self.init(
                .expired, "the session is past its expiry by this machine's clock", session: session,
                underlying: "\(error)")
        default:
            self.init(
                .announcementRefused, "the session's descriptor is refused", session: session, underlying: "\(error)")
        }
    }
}
