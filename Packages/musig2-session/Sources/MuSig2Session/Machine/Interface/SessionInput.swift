public import Multiformats
public import Secp256k1
public import WireCodec

/// What a session is told. Each input is one call of `SessionMachine.handle(_:at:)`.
public enum SessionInput: Hashable, Sendable {
    /// The application approved the descriptor. Until then nothing leaves.
    case approved
    /// The application does not want this session; it never joined, and nothing is sent.
    case refused
    /// The application does not want this session, and the others are told: at most 400 bytes of the reason are sent. It counts before this
    /// signer's JOIN only; a signer that has joined aborts.
    case declined(reason: String)
    /// The application withdrew its approval: nothing but ABORT leaves from now on.
    case approvalWithdrawn
    /// The answer to ``SessionEffect/confirmSigning(attempt:)``: the policy still approves. The other answer is
    /// ``approvalWithdrawn``.
    case signingConfirmed(attempt: UInt32)

    /// A peer that may know the session, though no JOIN names it yet: the announcer, or a provider. It gets this
    /// signer's JOIN and nothing else. With `isAnnouncer` it has shown, on its own connection, the announcement that
    /// names it, which stands for the creator's JOIN until that comes.
    case introduced(PeerID, addresses: [[UInt8]], isAnnouncer: Bool = false)
    /// A peer is connected. Told for the peers of ``SessionEffect/connect(_:_:)`` and ``SessionEffect/watch(_:)``, at
    /// once if it is connected already; others are ignored.
    case connected(PeerID)
    /// A peer is gone.
    case disconnected(PeerID)

    /// A signed message came in; its session id is this session's.
    case received(SignedMessage, from: PeerID)
    /// A SYNC came in; its session id is this session's.
    case receivedSync(Sync, from: PeerID)
    /// Final signatures came in.
    case receivedSignatures([SchnorrSignature], from: PeerID)
    /// The application has final signatures from elsewhere, such as a chain.
    case offered([SchnorrSignature])

    /// Starts a round, where rounds do not start by themselves.
    case start(Round)
    /// Whether each partial signature is to be verified when it arrives.
    case verifyPartials(Bool)
    /// Starts the next attempt.
    case restart
    /// Ends the session for all, and for good.
    case abort(text: String)
    /// Leaves the session without a word: nothing that waits is sent, what is recorded stays, and another machine may go on with it.
    case leave
    /// Closes the session: an unfinished one is left, a finished one sends nothing.
    case close

    /// The answer to ``SessionEffect/generateNonces(_:)``: 66 bytes for each message.
    case noncesGenerated(NonceHandle, [[UInt8]])
    /// The answer to ``SessionEffect/signPartials(_:_:)``: 32 bytes for each message.
    case partialsSigned(NonceHandle, [[UInt8]])
    /// The vault could not do what was asked; the nonces are gone.
    case vaultFailed(NonceHandle)
    /// The answer to ``SessionEffect/issue(_:record:)``: the message is signed, and durable where that was asked.
    case issued(SignedMessage)
    /// The message was not issued.
    case issueFailed(UnsignedMessage, IssueFailure)
    /// The answer to ``SessionEffect/raiseRun(above:)``: a run that is claimed durably, above what was asked.
    case runRaised(UInt64)

    /// Time has passed: call it when `SessionMachine.nextDeadline` is reached.
    case tick
}

/// The rounds an application may start itself.
public enum Round: UInt8, Hashable, Sendable, CaseIterable {
    /// Nonces are drawn and committed to; with a commitment round only.
    case commitments
    /// Nonces are drawn and sent.
    case nonces
    /// Partial signatures are made and sent.
    case partials
}

/// Why a message was not issued.
public enum IssueFailure: Hashable, Sendable {
    /// The store failed. Nothing left; the session asks again later.
    case storeFailed
    /// The store has a row with this key already: the message in it stands.
    case rowExists(SignedMessage)
    /// The store has a row with this key already, and what is in it cannot be read: it stands for one that may have left.
    case rowUnreadable
}

/// A message of this signer that is not signed yet.
public struct UnsignedMessage: Hashable, Sendable {
    /// What it says.
    public let body: MessageBody

    /// The encoded body: what is signed under the tag `message`, and what leaves.
    public let bytes: [UInt8]

    init(_ body: MessageBody) {
        self.body = body
        bytes = body.encoded()
    }
}
