import Foundation
import Secp256k1
import Testing

@testable import MuSig2

/// Whole sessions that `Vectors/reference.py` calculated from the text of BIP-327: every number on the way must agree.
@Suite("Sessions calculated independently")
struct IndependentTests {
    @Test("agree in every number", arguments: try IndependentSession.all())
    func agree(_ expected: IndependentSession) throws {
        let keys = try expected.signers.map { try makeSecretKey(bytes($0.secretKey)).publicKey }
        let tweaks = try expected.tweaks.map { try Tweak(bytes: bytes($0.tweak), kind: $0.isXOnly ? .xOnly : .plain) }
        let context = try KeyAggContext(keys: keys).applyingTweaks(tweaks)
        #expect(context.aggregateKey.description == expected.aggregateKey)

        let nonces = try expected.signers.map { try PublicNonce(rawRepresentation: bytes($0.publicNonce)) }
        let sum = try AggregateNonce(aggregating: nonces)
        #expect(try sum.rawRepresentation == bytes(expected.aggregateNonce))

        let session = try SigningSession(context: context, aggregateNonce: sum, message: bytes(expected.message))
        var partials: [PartialSignature] = []
        for (index, signer) in expected.signers.enumerated() {
            let nonce = try secretNonce(bytes(signer.secretNonce) + keys[index].compressedRepresentation)
            #expect(nonce.publicNonce == nonces[index])
            let partial = try session.sign(nonce, with: makeSecretKey(bytes(signer.secretKey)))
            #expect(partial.description == signer.partial)
            #expect(session.isValid(partial, publicNonce: nonces[index], signer: index))
            partials.append(partial)
        }
        if expected.isValid {
            #expect(try session.aggregate(partials, publicNonces: nonces).description == expected.signature)
        } else {
            let error = thrown { () throws(AggregationError) in
                _ = try session.aggregate(partials, publicNonces: nonces)
            }
            #expect(error == .invalidSignature)
            #expect(session.effectiveNonce.x.description == expected.signature.prefix(64))
        }
    }

    @Test("draw the same nonces", arguments: try IndependentSession.all())
    func nonces(_ expected: IndependentSession) throws {
        for signer in expected.signers {
            guard let inputs = signer.nonceInputs else { continue }
            let secretKey = try bytes(signer.secretKey)
            let (secret, publicNonce) = try drawNonce(
                randomness: bytes(inputs.randomness),
                maskingKey: inputs.isMasked ? secretKey : nil,
                publicKey: makeSecretKey(secretKey).publicKey,
                aggregateKey: inputs.aggregateKey.map { try #require(Hash32(bytes($0))) },
                message: inputs.message.map { try bytes($0) },
                extraInput: bytes(inputs.extraInput)
            )
            #expect(try secret.prefix(64) == bytes(signer.secretNonce)[...])
            #expect(publicNonce.description == signer.publicNonce)
        }
    }

    @Test("are 44, and have what random ones lack")
    func count() throws {
        let sessions = try IndependentSession.all()
        #expect(sessions.count == 44)
        #expect(sessions.filter { !$0.isValid }.count == 2)
        #expect(sessions.filter { Set($0.signers.map(\.secretKey)).count < $0.signers.count }.count >= 6)
    }
}

/// A session of the file.
struct IndependentSession: Decodable, Sendable, CustomTestStringConvertible {
    struct Signer: Decodable, Sendable {
        var secretKey: String
        var nonceInputs: NonceInputs?
        var secretNonce: String
        var publicNonce: String
        var partial: String
    }

    struct NonceInputs: Decodable, Sendable {
        var randomness: String
        var isMasked: Bool
        var aggregateKey: String?
        var message: String?
        var extraInput: String
    }

    struct TweakFields: Decodable, Sendable {
        var tweak: String
        var isXOnly: Bool
    }

    struct File: Decodable {
        var cases: [IndependentSession]
    }

    var name: String
    var signers: [Signer]
    var tweaks: [TweakFields]
    var message: String
    var aggregateKey: String
    var aggregateNonce: String
    var signature: String
    var isValid: Bool

    var testDescription: String { name }

    static func all() throws -> [IndependentSession] {
        let url = try #require(
            Bundle.module.url(forResource: "independent", withExtension: "json", subdirectory: "Vectors"))
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
    }
}
