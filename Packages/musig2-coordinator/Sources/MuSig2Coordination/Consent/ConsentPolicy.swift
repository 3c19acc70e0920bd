public import MuSig2Session
public import Secp256k1

/// Decides whether this node signs: the application's word, a person's, or a rule.
///
/// It is asked twice for each session. Before this node joins, by descriptor: until it approves, nothing of the session
/// leaves this node. And once more right before the partial signature is made. The approval is recorded, covers all attempts until the
/// session expires, and can be withdrawn (``MuSig2Coordinator/withdrawApproval(of:)``).
///
/// What is approved is that the messages are signed for the *final key* (``ConsentRequest/finalKey``), not that these signers sign: with a
/// raw tweak, the session of one set of signers makes a signature of another. <doc:ApprovingSessions> says how.
public protocol ConsentPolicy: Sendable {
    /// Whether sessions with raw tweaks, which their creator chose as numbers, are put to this policy. If not, which is the default, they
    /// are refused before it is asked and before anything leaves; what the store has as approved stays approved.
    var allowsRawTweaks: Bool { get }

    /// An answer that needs no wait. Rules answer here, which saves a task for each question.
    ///
    /// - Parameter request: What is asked.
    /// - Returns: The decision, or nil when ``decide(on:)`` is to be asked.
    func immediateDecision(on request: ConsentRequest) -> ConsentDecision?

    /// An answer that may take its time, until the session expires: a person reads. The task is cancelled when the answer is
    /// of no use any more.
    ///
    /// - Parameter request: What is asked.
    /// - Returns: The decision.
    func decide(on request: ConsentRequest) async -> ConsentDecision
}

extension ConsentPolicy {
    /// No session with raw tweaks.
    public var allowsRawTweaks: Bool { false }

    /// No answer without a wait.
    public func immediateDecision(on request: ConsentRequest) -> ConsentDecision? { nil }

    /// The answer to what is not put to the policy at all.
    func standingRefusal(of request: ConsentRequest) -> ConsentDecision? {
        guard request.stage == .join, request.hasRawTweaks, !allowsRawTweaks else { return nil }
        return .refuse(
            reason: "the session has raw tweaks, with which the signers listed can sign for a key of others; its final "
                + "key is \(request.finalKey). Only a policy that allows raw tweaks joins it")
    }
}

/// What a ``ConsentPolicy`` is asked.
public struct ConsentRequest: Sendable {
    /// When it is asked.
    public enum Stage: Sendable, Hashable {
        /// Before the node joins the session.
        case join
        /// Right before the partial signatures of an attempt are made.
        case sign
    }

    /// Which session.
    public var session: SessionID
    /// What is to be signed, by which signers, under which terms: verified to be what the session id stands for.
    public var descriptor: SessionDescriptor
    /// The key that the messages are signed for, all tweaks applied: the same at each stage.
    public var finalKey: XOnlyPublicKey
    /// Whether this node made the session.
    public var createdHere: Bool
    /// When it is asked.
    public var stage: Stage

    /// Makes a request.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - descriptor: What is to be signed.
    ///   - finalKey: The key that the messages are signed for.
    ///   - createdHere: Whether this node made the session.
    ///   - stage: When it is asked.
    public init(
        session: SessionID, descriptor: SessionDescriptor, finalKey: XOnlyPublicKey, createdHere: Bool, stage: Stage
    ) {
        self.session = session
        self.descriptor = descriptor
        self.finalKey = finalKey
        self.createdHere = createdHere
        self.stage = stage
    }
}

extension ConsentRequest {
    /// Whether the final key is made by tweaks that the creator chose as numbers. A Taproot tweak is none of them.
    public var hasRawTweaks: Bool { descriptor.hasRawTweaks }
}

/// What a ``ConsentPolicy`` answers.
public enum ConsentDecision: Sendable, Hashable {
    /// Go on.
    case approve
    /// Do not sign this; the reason is for people on this side, and is not sent.
    case refuse(reason: String)
    /// Do not sign this, and tell the other signers so, with the reason: at most 400 bytes of it. It is for good: this node does not join the
    /// session any more. A signer that has joined cannot decline: in a session that it left this is a refusal, and right before signing
    /// the approval is withdrawn.
    case decline(reason: String)
}

/// Approves the sessions that this node made itself, and leaves all others to another policy.
public struct ApproveOwnSessions<Others: ConsentPolicy>: ConsentPolicy {
    private let others: Others

    /// Makes a policy.
    ///
    /// - Parameter others: The policy that is asked about the sessions of others.
    public init(others: Others) {
        self.others = others
    }

    /// Whether the other policy allows them: then those of own sessions are, too.
    public var allowsRawTweaks: Bool { others.allowsRawTweaks }

    /// Approves an own session; asks the other policy for its immediate answer otherwise.
    public func immediateDecision(on request: ConsentRequest) -> ConsentDecision? {
        request.createdHere ? .approve : others.immediateDecision(on: request)
    }

    /// Approves an own session; asks the other policy otherwise.
    public func decide(on request: ConsentRequest) async -> ConsentDecision {
        request.createdHere ? .approve : await others.decide(on: request)
    }
}

/// Approves everything that has this node's key among its signers and no raw tweaks. For tests, and for signers that approve by
/// their choice of what they join.
public struct ApproveEverything: ConsentPolicy {
    /// Makes a policy.
    public init() {}

    /// Approves.
    public func immediateDecision(on request: ConsentRequest) -> ConsentDecision? { .approve }

    /// Approves.
    public func decide(on request: ConsentRequest) async -> ConsentDecision { .approve }
}

/// Refuses everything.
public struct RefuseEverything: ConsentPolicy {
    private let reason: String

    /// Makes a policy.
    ///
    /// - Parameter reason: Why, for people on this side.
    public init(reason: String = "this node signs nothing") {
        self.reason = reason
    }

    /// Refuses.
    public func immediateDecision(on request: ConsentRequest) -> ConsentDecision? { .refuse(reason: reason) }

    /// Refuses.
    public func decide(on request: ConsentRequest) async -> ConsentDecision { .refuse(reason: reason) }
}

/// Asks a closure: a dialog, a rule of the application, a remote service.
public struct AskConsent: ConsentPolicy {
    private let ask: @Sendable (ConsentRequest) async -> ConsentDecision

    /// Makes a policy.
    ///
    /// - Parameter ask: Called for each question; it may take its time.
    public init(_ ask: @escaping @Sendable (ConsentRequest) async -> ConsentDecision) {
        self.ask = ask
    }

    /// Asks the closure.
    public func decide(on request: ConsentRequest) async -> ConsentDecision {
        await ask(request)
    }
}

extension ConsentPolicy where Self == ApproveOwnSessions<RefuseEverything> {
    /// Approves what this node made itself and refuses the sessions of others.
    public static var ownSessions: Self { ApproveOwnSessions(others: RefuseEverything(reason: "only own sessions")) }
}

extension ConsentPolicy where Self == ApproveEverything {
    /// Approves everything.
    public static var approveEverything: Self { ApproveEverything() }
}

extension ConsentPolicy where Self == AskConsent {
    /// Asks a closure about every session, also about those that this node made itself.
    ///
    /// - Parameter ask: Called for each question; it may take its time.
    /// - Returns: The policy.
    public static func ask(_ ask: @escaping @Sendable (ConsentRequest) async -> ConsentDecision) -> Self {
        AskConsent(ask)
    }
}

extension ConsentPolicy where Self == ApproveOwnSessions<AskConsent> {
    /// Approves the sessions that this node made itself, and asks a closure about the sessions of others.
    ///
    /// - Parameter ask: Called for each question; it may take its time.
    /// - Returns: The policy.
    public static func askForOthers(_ ask: @escaping @Sendable (ConsentRequest) async -> ConsentDecision) -> Self {
        ApproveOwnSessions(others: AskConsent(ask))
    }
}
