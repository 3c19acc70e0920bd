import Secp256k1

@testable import MuSig2

/// A group of signers with a session: keys, tweaks, nonces and message all from one seed.
struct Group {
    let seed: UInt64
    let signers: Signers
    let context: KeyAggContext
    let publicNonces: [PublicNonce]
    let session: SigningSession

    init(seed: UInt64, count: Int, duplicateOneIn: Int = 0, tweakCount: Int = 0, messageLength: Int = 32) throws {
        var generator = SeededGenerator(seed: seed)
        self.seed = seed
        signers = try Signers(count: count, duplicateOneIn: duplicateOneIn, using: &generator)
        var context = try KeyAggContext(keys: signers.publicKeys)
        for _ in 0..<tweakCount {
            let kind: Tweak.Kind = Bool.random(using: &generator) ? .plain : .xOnly
            let hash = TaggedHash("test tweak").hash(generator.bytes(32))
            context = try context.applyingTweak(Tweak(Scalar(reducing: hash), kind: kind))
        }
        self.context = context
        publicNonces = try signers.publicNonces(seed: seed)
        session = try SigningSession(
            context: context,
            aggregateNonce: AggregateNonce(aggregating: publicNonces),
            message: generator.bytes(messageLength)
        )
    }

    /// Each signer's partial signature in the group's session.
    func partials() throws -> [PartialSignature] {
        try signers.partials(in: session, seed: self.seed)
    }

    /// A session of the same signers in which a context or a nonce is another.
    func session(context: KeyAggContext? = nil, publicNonces: [PublicNonce]? = nil) throws -> SigningSession {
        try SigningSession(
            context: context ?? self.context,
            aggregateNonce: AggregateNonce(aggregating: publicNonces ?? self.publicNonces),
            message: self.session.message
        )
    }
}

/// The error that a body throws, as a value to compare; nil if it throws none.
func thrown<E: Error>(_ body: () throws(E) -> Void) -> E? {
    do {
        try body()
        return nil
    } catch {
        return error
    }
}
