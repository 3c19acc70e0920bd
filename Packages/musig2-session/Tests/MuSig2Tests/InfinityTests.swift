import Secp256k1
import Testing

@testable import MuSig2

@Suite("The point at infinity")
struct InfinityTests {
    private static let zeros = [UInt8](repeating: 0, count: 33)

    /// A group of two in which the second signer's nonce is the negation of the first's, in the halves asked for.
    private func session(
        negatingFirst: Bool, negatingSecond: Bool
    ) throws -> (group: Group, session: SigningSession, nonces: [PublicNonce]) {
        let group = try Group(seed: 30, count: 2)
        let (honest, other) = (group.publicNonces[0], group.publicNonces[1])
        let rogue = PublicNonce(
            first: negatingFirst ? honest.first.negated : other.first,
            second: negatingSecond ? honest.second.negated : other.second
        )
        let nonces = [honest, rogue]
        return (group, try group.session(publicNonces: nonces), nonces)
    }

    @Test("A key and its negation do not cancel: each has a coefficient of its own")
    func keyAndNegation() throws {
        var generator = SeededGenerator(seed: 33)
        let key = try SecretKey(generatingUsing: &generator).publicKey
        let context = try KeyAggContext(keys: [key, key.negated])
        #expect(Point.sum(of: [.point(key), .point(key.negated)]) == .infinity)
        #expect(context.coefficients[0] != context.coefficients[1])
    }

    @Test("One infinite half: written as zeros, read again, and the honest partial is valid", arguments: [true, false])
    func oneHalf(isFirst: Bool) throws {
        let (group, session, nonces) = try self.session(negatingFirst: isFirst, negatingSecond: !isFirst)
        let raw = session.aggregateNonce.rawRepresentation
        #expect(raw.count == 66)
        #expect(Array(isFirst ? raw.prefix(33) : raw.suffix(33)) == Self.zeros)
        #expect(session.aggregateNonce.hasInfiniteHalf)
        #expect(try AggregateNonce(rawRepresentation: raw) == session.aggregateNonce)
        let remaining =
            isFirst
            ? session.aggregateNonce.second.multiplied(by: session.nonceCoefficient) : session.aggregateNonce.first
        #expect(.point(session.effectiveNonce) == remaining)
        let partial = try Self.sign(session, group, signer: 0)
        #expect(session.isValid(partial, publicNonce: nonces[0], signer: 0))
    }

    @Test("Both halves infinite: R is the generator, every partial fits, the signature does not, nobody is named")
    func bothHalves() throws {
        let (group, session, nonces) = try self.session(negatingFirst: true, negatingSecond: true)
        #expect(session.aggregateNonce.rawRepresentation == Self.zeros + Self.zeros)
        #expect(session.effectiveNonce == .generator)
        let honest = try Self.sign(session, group, signer: 0)
        let rogue = try Self.signWithNegatedNonceOfFirst(session, group)
        #expect(session.isValid(honest, publicNonce: nonces[0], signer: 0))
        #expect(session.isValid(rogue, publicNonce: nonces[1], signer: 1))
        let error = thrown { () throws(AggregationError) in
            _ = try session.aggregate([honest, rogue], publicNonces: nonces)
        }
        #expect(error == .invalidSignature)
    }

    @Test("A tweak that cancels the key is refused, plain and x-only")
    func cancellingTweak() throws {
        let key = try makeSecretKey([UInt8](repeating: 1, count: 32))
        let context = try KeyAggContext(keys: [key.publicKey])
        let secret = try #require(Scalar(canonical: [UInt8](repeating: 1, count: 32)))
        let aggregate = secret * context.coefficients[0]
        #expect(Point.generator(times: aggregate) == .point(context.aggregateKey))
        let plain = thrown { () throws(TweakError) in
            _ = try context.applyingTweak(Tweak(-aggregate, kind: .plain))
        }
        #expect(plain == .tweakedKeyIsInfinity)
        let even = context.aggregateKey.hasEvenY ? aggregate : -aggregate
        let xOnly = thrown { () throws(TweakError) in
            _ = try context.applyingTweaks([Tweak(.zero, kind: .xOnly), Tweak(-even, kind: .xOnly)])
        }
        #expect(xOnly == .tweakedKeyIsInfinity)
        #expect(xOnly?.description == "tweak: expected a key as the result, found the point at infinity")
    }

    @Test("A tweak of zero changes nothing but the sign")
    func zeroTweak() throws {
        let group = try Group(seed: 31, count: 3)
        let plain = try group.context.applyingTweak(Tweak(.zero, kind: .plain))
        #expect(plain == group.context)
        let xOnly = try group.context.applyingTweak(Tweak(.zero, kind: .xOnly))
        #expect(xOnly.xOnlyKey == group.context.xOnlyKey)
        #expect(xOnly.aggregateKey.hasEvenY)
        let session = try group.session(context: xOnly)
        _ = try session.aggregate(group.signers.partials(in: session, seed: group.seed))
    }

    private static func sign(_ session: SigningSession, _ group: Group, signer: Int) throws -> PartialSignature {
        let nonce = try group.signers.nonce(signer, seed: group.seed)
        let key = try group.signers.secretKey(signer)
        return try session.sign(nonce, with: key)
    }

    /// Signs for the second signer with −k₁ and −k₂ of the first signer's nonce, which only a test knows.
    private static func signWithNegatedNonceOfFirst(
        _ session: SigningSession, _ group: Group
    ) throws -> PartialSignature {
        let nonce = try group.signers.nonce(0, seed: group.seed)
        var first = nonce.first.copy()
        var second = nonce.second.copy()
        first.negate()
        second.negate()
        let negated = try SecretNonce(first: first, second: second, publicKey: group.context.keys[1])
        let key = try group.signers.secretKey(1)
        return try session.sign(negated, with: key)
    }
}
