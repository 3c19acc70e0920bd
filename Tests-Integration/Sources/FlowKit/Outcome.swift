public import MuSig2
public import Secp256k1

/// What a flow ends with: the signatures that every signer holds, verified once more by nothing but BIP-340.
public struct Outcome: Sendable {
    /// The key under which the signatures verify.
    public let key: XOnlyPublicKey
    /// The messages.
    public let messages: [[UInt8]]
    /// One for each message.
    public let signatures: [SchnorrSignature]

    /// Checks that all signers hold the same signatures, and that they verify.
    ///
    /// - Parameters:
    ///   - signers: The signers' keys, in any order: sessions sort them.
    ///   - tweaks: The tweaks of the aggregate key.
    ///   - messages: The messages.
    ///   - held: What each signer holds.
    /// - Throws: ``FlowError`` that names the first signer that holds something else, or the message with a signature that does not verify.
    public init(
        signers: [PublicKey],
        tweaks: [Tweak] = [],
        messages: [[UInt8]],
        held: [[SchnorrSignature]]
    ) throws {
        guard held.count == signers.count, let first = held.first else {
            throw FlowError("expected the signatures of \(signers.count) signers, found those of \(held.count)")
        }
        for (index, other) in held.enumerated() where other != first {
            throw FlowError("signer \(index + 1) holds other signatures than signer 1")
        }
        guard first.count == messages.count else {
            throw FlowError("expected \(messages.count) signatures, found \(first.count)")
        }
        let key = try KeyAggContext(keys: KeySort.sorted(signers)).applyingTweaks(tweaks).xOnlyKey
        for (index, (message, signature)) in zip(messages, first).enumerated() {
            guard key.isValidSignature(signature, for: message) else {
                throw FlowError("signature \(index + 1) does not verify under \(key)")
            }
        }
        self.key = key
        self.messages = messages
        signatures = first
    }
}
