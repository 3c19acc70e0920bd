import Secp256k1
import Testing

@testable import MuSig2

/// A scheme that differs from BIP-327 in every rule that a scheme may choose: no weight is 1, keys are never negated, the
/// challenge covers the whole key, the first signer adds the tweaks, and nonces that cancel end the session.
private struct OtherRules: SchemeRules {
    private static func number(_ tag: String, _ parts: [[UInt8]]) -> Scalar {
        Scalar(reducing: TaggedHash(tag).hash(Array(parts.joined())))
    }

    func coefficients(of keys: [PublicKey]) -> [Scalar] {
        let all = keys.flatMap(\.compressedRepresentation)
        return keys.map { Self.number("other coefficient", [all, $0.compressedRepresentation]) }
    }

    func negates(_ aggregateKey: PublicKey, before tweak: Tweak.Kind) -> Bool { false }

    func signsForNegation(of aggregateKey: PublicKey) -> Bool { false }

    var tweakingSigner: Int? { 0 }

    func nonceCoefficient(of aggregateNonce: AggregateNonce, aggregateKey: PublicKey, message: [UInt8]) -> Scalar {
        Self.number(
            "other nonce", [aggregateKey.compressedRepresentation, aggregateNonce.rawRepresentation, message]
        )
    }

    var nonceInPlaceOfInfinity: PublicKey? { nil }

    func signsForNegation(ofNonce effectiveNonce: PublicKey) -> Bool { effectiveNonce.hasEvenY }

    func challenge(effectiveNonce: PublicKey, aggregateKey: PublicKey, message: [UInt8]) -> Scalar {
        Self.number("other challenge", [effectiveNonce.x.bytes, aggregateKey.compressedRepresentation, message])
    }

    func isValid(_ signature: SchnorrSignature, aggregateKey: PublicKey, message: [UInt8]) -> Bool {
        guard let s = Scalar(canonical: signature.s) else { return false }
        let e = Self.number(
            "other challenge", [signature.r.bytes, aggregateKey.compressedRepresentation, message]
        )
        guard case .point(let nonce) = aggregateKey.doubleMultiplied(generatorFactor: s, pointFactor: -e) else {
            return false
        }
        return nonce.x == signature.r && !nonce.hasEvenY
    }
}

@Suite("Another scheme behind the same calls")
struct SchemeTests {
    private static let other = SignatureScheme("other", rules: OtherRules())

    private func session(seed: UInt64, tweakCount: Int) throws -> (group: Group, session: SigningSession) {
        let group = try Group(seed: seed, count: 3)
        var context = try KeyAggContext(keys: group.signers.publicKeys, scheme: Self.other)
        for tweak in 0..<tweakCount {
            let kind: Tweak.Kind = tweak % 2 == 0 ? .plain : .xOnly
            context = try context.applyingTweak(Tweak(Scalar(UInt64(1_000 + tweak)), kind: kind))
        }
        return (group, try group.session(context: context))
    }

    @Test("signs, verifies, and blames", arguments: 70...77 as ClosedRange<UInt64>, 0..<3)
    func signs(seed: UInt64, tweakCount: Int) throws {
        let (group, session) = try self.session(seed: seed, tweakCount: tweakCount)
        var partials = try group.signers.partials(in: session, seed: seed)
        let signature = try session.aggregate(partials, publicNonces: group.publicNonces)
        #expect(session.isValid(signature))
        #expect(!session.context.xOnlyKey.isValidSignature(signature, for: session.message))
        #expect(session.signersOfInvalid(partials, publicNonces: group.publicNonces) == [])
        partials[0] = PartialSignature(partials[0].scalar + .one)
        let error = thrown { () throws(AggregationError) in
            _ = try session.aggregate(partials, publicNonces: group.publicNonces)
        }
        #expect(error == .invalidPartialSignatures(signers: [0]))
    }

    @Test("refuses nonces that cancel, as its rules say")
    func infinity() throws {
        let (group, session) = try self.session(seed: 80, tweakCount: 1)
        let nonce = group.publicNonces[0]
        let negated = PublicNonce(first: nonce.first.negated, second: nonce.second.negated)
        let sum = try AggregateNonce(aggregating: [nonce, negated])
        let error = thrown { () throws(SigningSessionError) in
            _ = try SigningSession(context: session.context, aggregateNonce: sum, message: session.message)
        }
        #expect(error == .infiniteNonce)
        #expect(error?.description == "aggregate nonce: expected a point, found the point at infinity")
    }

    @Test("is another one, with another key")
    func names() throws {
        let (group, session) = try self.session(seed: 81, tweakCount: 0)
        #expect(Self.other != .bip340)
        #expect(Set([Self.other, .bip340, .bip340]).count == 2)
        #expect(session.context.aggregateKey != group.context.aggregateKey)
        #expect(SignatureScheme.bip340.description == "bip340")
        #expect(group.context.scheme == .bip340)
    }
}
