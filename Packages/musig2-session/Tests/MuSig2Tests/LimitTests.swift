import MuSig2
import Secp256k1
import Testing

@Suite("Limits and lengths")
struct LimitTests {
    @Test("Number of keys")
    func keys() throws {
        let key = PublicKey.generator
        let none = thrown { () throws(KeyAggError) in _ = try KeyAggContext(keys: []) }
        #expect(none == .noKeys)
        let most = [PublicKey](repeating: key, count: MuSig2Limits.maximumKeys + 1)
        let many = thrown { () throws(KeyAggError) in _ = try KeyAggContext(keys: most) }
        #expect(many == .tooManyKeys(limit: 1_000, found: 1_001))
        #expect(many?.description == "keys: expected at most 1000, found 1001")
        let raw = [[UInt8]](repeating: [], count: 1_001)
        let manyRaw = thrown { () throws(KeyAggError) in _ = try KeyAggContext(compressedKeys: raw) }
        #expect(manyRaw == .tooManyKeys(limit: 1_000, found: 1_001))
    }

    @Test("Number of nonces")
    func nonces() throws {
        let key = PublicKey.generator.compressedRepresentation
        let nonce = try PublicNonce(rawRepresentation: key + key)
        let none = thrown { () throws(NonceAggError) in _ = try AggregateNonce(aggregating: [PublicNonce]()) }
        #expect(none == .noNonces)
        let noneRaw = thrown { () throws(NonceAggError) in _ = try AggregateNonce(aggregating: [[UInt8]]()) }
        #expect(noneRaw == .noNonces)
        let parsed = [PublicNonce](repeating: nonce, count: 1_001)
        let many = thrown { () throws(NonceAggError) in _ = try AggregateNonce(aggregating: parsed) }
        #expect(many == .tooManyNonces(limit: 1_000, found: 1_001))
        let raw = [[UInt8]](repeating: [], count: 1_001)
        let manyRaw = thrown { () throws(NonceAggError) in _ = try AggregateNonce(aggregating: raw) }
        #expect(manyRaw == .tooManyNonces(limit: 1_000, found: 1_001))
        #expect(manyRaw?.description == "public nonces: expected at most 1000, found 1001")
    }

    @Test("Length and size of a tweak")
    func tweak() {
        let short = thrown { () throws(TweakError) in _ = try Tweak(bytes: [1], kind: .plain) }
        #expect(short == .wrongLength(expected: 32, found: 1))
        #expect(short?.description == "tweak: expected 32 bytes, found 1")
        let large = thrown { () throws(TweakError) in
            _ = try Tweak(bytes: [UInt8](repeating: 0xFF, count: 32), kind: .xOnly)
        }
        #expect(large == .notBelowOrder)
    }

    @Test("Every truncation of a nonce and of a partial signature is a typed error", arguments: 0..<66)
    func truncations(length: Int) {
        let key = PublicKey.generator.compressedRepresentation
        let nonce = Array((key + key).prefix(length))
        let expected = ContributionError.wrongLength(expected: 66, found: length)
        let public66 = thrown { () throws(ContributionError) in _ = try PublicNonce(rawRepresentation: nonce) }
        #expect(public66 == expected)
        let aggregate = thrown { () throws(InvalidContribution) in _ = try AggregateNonce(rawRepresentation: nonce) }
        #expect(aggregate?.reason == expected)
        if length != 32 {
            let partial = thrown { () throws(ContributionError) in _ = try PartialSignature(rawRepresentation: nonce) }
            #expect(partial == .wrongLength(expected: 32, found: length))
        }
    }

    @Test("What is printed is what is sent")
    func descriptions() throws {
        let key = PublicKey.generator.compressedRepresentation
        let nonce = try PublicNonce(rawRepresentation: key + key)
        #expect(nonce.description == PublicKey.generator.description + PublicKey.generator.description)
        #expect(nonce.rawRepresentation == key + key)
        #expect(PartialSignature(.one).description == String(repeating: "0", count: 63) + "1")
        #expect(PartialSignature(.one).rawRepresentation == [UInt8](repeating: 0, count: 31) + [1])
        let sum = try AggregateNonce(aggregating: [nonce])
        #expect(sum.description == "\(PublicKey.generator)‖\(PublicKey.generator)")
    }
}
