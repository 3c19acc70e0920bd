import Secp256k1
import WireCodec

/// One attempt: what came in, and how far it is.
struct AttemptState<Crypto: SessionCrypto>: Hashable, Sendable {
    let number: UInt32
    var cause: AttemptCause
    var columns: AttemptColumns<Crypto>
    var ownNonces = OwnNonces.none
    var agreement = NonceAgreement<Crypto.Context>()
    var confirmation = Confirmation.notAsked
    var dispute = Dispute()
    var timing = AttemptTiming()
    /// The next attempt is due, and beyond what time allows.
    var wait: Wait?

    init(number: UInt32, signers: Int, hasCommitmentRound: Bool, cause: AttemptCause = AttemptCause()) {
        self.number = number
        self.cause = cause
        columns = AttemptColumns(signers: signers, hasCommitmentRound: hasCommitmentRound)
    }
}

/// What led to an attempt.
struct AttemptCause: Hashable, Sendable {
    /// The signed message that brought this signer here; none in the first attempt.
    var origin: SignedMessage?
    /// The signer that is named for raising the attempt and gave no reason: it may only have followed.
    var follows: Int?
    /// The attempt that ended early for it.
    var endedEarly: UInt32?
    /// The signers of which a RESTART of this attempt was heard.
    private var heard: Set<Int> = []

    init(origin: SignedMessage? = nil, follows: Int? = nil, endedEarly: UInt32? = nil) {
        self.origin = origin
        self.follows = follows
        self.endedEarly = endedEarly
    }

    func hasHeard(_ index: Int) -> Bool { heard.contains(index) }

    /// - Returns: Whether it is the first RESTART of the signer in this attempt.
    mutating func hear(_ index: Int) -> Bool { heard.insert(index).inserted }

    /// The cause of an attempt that begins anew: nobody is named any more.
    var renewed: AttemptCause {
        var cause = AttemptCause(origin: origin)
        cause.heard = heard
        return cause
    }
}

/// What the policy says of the signature that is about to be made.
enum Confirmation: Hashable, Sendable {
    case notAsked
    case asked
    case given
}

/// The signers do not agree, and have a short time to compare.
struct Dispute: Hashable, Sendable {
    /// When the attempt is given up for it.
    private(set) var ends: Duration?
    /// Whether the signers have had their time.
    private(set) var isCompared = false

    mutating func begin(until time: Duration) {
        ends = time
    }

    mutating func conclude() {
        isCompared = true
    }

    mutating func stop() {
        ends = nil
    }
}

/// How long an attempt takes.
struct AttemptTiming: Hashable, Sendable {
    /// Since when its time counts: since it began, or since its first deadline runs; nil: since the machine began.
    private(set) var countsFrom: Duration?
    /// Whether a deadline has run in it.
    private var hasHadDeadline = false
    /// How long the column that is open may take; nil if it has no deadline.
    private(set) var deadlineLength: Duration?

    mutating func begin(at now: Duration) {
        countsFrom = now
    }

    /// A column has a deadline.
    mutating func start(_ length: Duration, at now: Duration) {
        if !hasHadDeadline {
            hasHadDeadline = true
            countsFrom = now
        }
        deadlineLength = length
    }

    /// A column has none.
    mutating func stop() {
        deadlineLength = nil
    }
}

/// What all signers' nonces make of an attempt. Once it is here, the nonces are used: none is replaced.
struct Agreement<Context: Hashable & Sendable>: Hashable, Sendable {
    /// The leaf of each signer.
    let leaves: [Hash32]
    /// T, the hash of the leaves.
    let transcript: Hash32
    /// C, the hash of T and the aggregate nonces.
    let contextHash: Hash32
    /// One for each message, 66 bytes.
    let aggregateNonces: [[UInt8]]
    /// What signing needs.
    let context: Context

    func hash(into hasher: inout Hasher) {
        hasher.combine(contextHash)
    }
}

/// What follows from the commitments and the nonces, once all are here.
struct NonceAgreement<Context: Hashable & Sendable>: Hashable, Sendable {
    /// T over the commitments.
    var committedTranscript: Hash32?
    var agreed: Agreement<Context>?
}

/// What became of this signer's secret nonces of the attempt.
enum OwnNonces: Hashable, Sendable {
    /// They are not drawn.
    case none
    /// They were asked for.
    case requested(NonceHandle)
    /// They are in the vault; these are the public ones.
    case held(NonceHandle, [[UInt8]])
    /// They are being used.
    case signing(NonceHandle)
    /// There are none any more, and there will be none in this attempt and run.
    case spent

    /// The handle under which there may be secret nonces.
    var handle: NonceHandle? {
        switch self {
        case .requested(let handle), .held(let handle, _), .signing(let handle): handle
        case .none, .spent: nil
        }
    }
}

/// Why and until when the next attempt is waited for.
struct Wait: Hashable, Sendable {
    let reason: RestartReason
    let newRuns: [Int]
    let until: Duration
}
