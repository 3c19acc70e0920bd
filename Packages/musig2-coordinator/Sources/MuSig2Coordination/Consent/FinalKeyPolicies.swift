public import Secp256k1

/// Puts sessions with raw tweaks to another policy, which must look at the final key: ``ConsentPolicy/allowingRawTweaks()``.
public struct AllowRawTweaks<Policy: ConsentPolicy>: ConsentPolicy {
    private let policy: Policy

    /// Makes a policy.
    ///
    /// - Parameter policy: The policy that decides.
    public init(_ policy: Policy) {
        self.policy = policy
    }

    /// They are.
    public var allowsRawTweaks: Bool { true }

    /// Asks the other policy for its immediate answer.
    public func immediateDecision(on request: ConsentRequest) -> ConsentDecision? {
        policy.immediateDecision(on: request)
    }

    /// Asks the other policy.
    public func decide(on request: ConsentRequest) async -> ConsentDecision {
        await policy.decide(on: request)
    }
}

/// Refuses every session with a final key that is not listed, and leaves the rest to another policy:
/// ``ConsentPolicy/requiringFinalKey(in:)``.
public struct RequireFinalKey<Policy: ConsentPolicy>: ConsentPolicy {
    private let keys: Set<XOnlyPublicKey>
    private let policy: Policy

    /// Makes a policy.
    ///
    /// - Parameters:
    ///   - keys: The keys that this node signs for, all tweaks applied.
    ///   - policy: The policy that decides about sessions for these keys.
    public init(in keys: Set<XOnlyPublicKey>, then policy: Policy) {
        self.keys = keys
        self.policy = policy
    }

    /// Whether the other policy allows them.
    public var allowsRawTweaks: Bool { policy.allowsRawTweaks }

    /// Refuses what is for another key; asks the other policy for its immediate answer otherwise.
    public func immediateDecision(on request: ConsentRequest) -> ConsentDecision? {
        refusal(of: request) ?? policy.immediateDecision(on: request)
    }

    /// Refuses what is for another key; asks the other policy otherwise.
    public func decide(on request: ConsentRequest) async -> ConsentDecision {
        if let refusal = refusal(of: request) { return refusal }
        return await policy.decide(on: request)
    }

    private func refusal(of request: ConsentRequest) -> ConsentDecision? {
        guard !keys.contains(request.finalKey) else { return nil }
        return .refuse(
            reason: "the session signs for the final key \(request.finalKey), which is not among those expected")
    }
}

extension ConsentPolicy {
    /// The same policy, which also decides about sessions with raw tweaks. Let it look at ``ConsentRequest/finalKey``: the signers of such a
    /// session do not say for which key it signs.
    ///
    /// - Returns: The policy.
    public func allowingRawTweaks() -> AllowRawTweaks<Self> { AllowRawTweaks(self) }

    /// The same policy for sessions that sign for one of these keys; all others are refused.
    ///
    /// - Parameter keys: The keys that this node signs for, all tweaks applied.
    /// - Returns: The policy.
    public func requiringFinalKey(in keys: Set<XOnlyPublicKey>) -> RequireFinalKey<Self> {
        RequireFinalKey(in: keys, then: self)
    }
}
