public import MuSig2Session
public import Secp256k1

/// What a creator asks for: a ``plan`` of all that goes into a session's descriptor, and how the session
/// is found.
@dynamicMemberLookup
public struct SessionRequest: Sendable, Hashable {
    /// What goes into the descriptor.
    ///
    /// - `signerKeys`: this node's own must be among them, none twice.
    /// - `isSorted`, true at first: the signer keys are put into byte order, as BIP-327's KeySort does: then all that list the same signers
    ///   have one key, the one that wallets derive by BIP-390. Without, the order of the keys is part of the aggregate key, and a verifier
    ///   needs it too. Indices, and the elections `first` and `last`, are of the order that comes out.
    /// - `messageKeys`: one for each signer, in the order of `signerKeys` as given here; nil: the signer keys.
    /// - `tweaks`: not together with `taproot`. A session with tweaks is refused, here and at the others, by every policy that does not
    ///   allow them: <doc:ApprovingSessions>.
    /// - `creator`: the coordinator puts this node's index in.
    public var plan: SessionPlan

    /// The methods by which the session can be found, by all signers that join; `.invitation`: by invitation alone.
    public var discovery: Set<DiscoveryMethod> = [.rendezvous]

    /// A request with the defaults for everything but the signers and the messages.
    ///
    /// - Parameters:
    ///   - signers: The signer keys, which will be sorted.
    ///   - messages: What is signed, each message of any length; one signature for each.
    public init(signers: [PublicKey], messages: [[UInt8]]) {
        plan = SessionPlan(signerKeys: signers, messages: messages, creator: 0)
        plan.isSorted = true
    }

    /// A field of the plan.
    public subscript<Value>(dynamicMember field: WritableKeyPath<SessionPlan, Value>) -> Value {
        get { plan[keyPath: field] }
        set { plan[keyPath: field] = newValue }
    }
}

extension SessionRequest {
    /// The plan with the signers in their order, as this node makes the session.
    ///
    /// - Parameter signer: This node's key.
    /// - Returns: The plan.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/invalidRequest``.
    func plan(for signer: PublicKey) throws(CoordinatorError) -> SessionPlan {
        func invalid(_ text: String) -> CoordinatorError { CoordinatorError(.invalidRequest, text) }
        let signers = plan.signerKeys
        let messageKeys = plan.messageKeys ?? []
        guard messageKeys.isEmpty || messageKeys.count == signers.count else {
            throw invalid(
                "messageKeys: expected none or \(signers.count), one for each signer, found \(messageKeys.count)")
        }
        var order = Array(signers.indices)
        if plan.isSorted { order.sort { signers[$0] < signers[$1] } }
        var plan = plan
        plan.signerKeys = order.map { signers[$0] }
        plan.messageKeys = messageKeys.isEmpty ? nil : order.map { messageKeys[$0] }
        guard let creator = plan.signerKeys.firstIndex(of: signer) else {
            throw invalid("signers: expected this node's key \(signer) among them, found it missing")
        }
        plan.creator = creator
        return plan
    }
}
