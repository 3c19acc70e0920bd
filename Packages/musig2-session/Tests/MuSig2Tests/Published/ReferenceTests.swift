import Foundation
import Secp256k1
import Testing

@testable import MuSig2

/// Whole sessions that `Vectors/reference.py` computed with plain integers, step by step against ours.
@Suite("Sessions of the reference")
struct ReferenceTests {
    struct Session: Decodable, Sendable, CustomTestStringConvertible {
        struct Signer: Decodable, Sendable {
            var secretKey: String
            var randomness: String
            var givesSecretKey: Bool
            var givesAggregateKey: Bool
            var givesMessage: Bool
            var extraInput: String
            var publicKey: String
            var publicNonce: String
            var partialSignature: String
        }

        var signers: [Signer]
        var tweaks: [VectorCase.TweakFields]
        var message: String
        var aggregateKey: String
        var aggregateNonce: String
        var signature: String

        var testDescription: String { "\(self.signers.count) signers, \(self.tweaks.count) tweaks" }
    }

    private struct File: Decodable {
        var sessions: [Session]
    }

    private static func sessions() throws -> [Session] {
        let url = try #require(
            Bundle.module.url(forResource: "random-sessions", withExtension: "json", subdirectory: "Vectors")
        )
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).sessions
    }

    @Test("There are 36")
    func count() throws {
        #expect(try Self.sessions().count == 36)
    }

    @Test("Keys, nonces, sums, shares and signature are the same", arguments: try Self.sessions())
    func same(_ expected: Session) throws {
        let message = try bytes(expected.message)
        let tweaks = try expected.tweaks.map { fields in
            try Tweak(bytes: bytes(fields.tweak), kind: fields.isXOnly ? .xOnly : .plain)
        }
        let keys = try expected.signers.map { try bytes($0.publicKey) }
        let context = try KeyAggContext(compressedKeys: keys).applyingTweaks(tweaks)
        #expect(context.aggregateKey.description == expected.aggregateKey)

        let drawn = try expected.signers.map { try Self.draw($0, context: context, message: message) }
        for (nonce, signer) in zip(drawn, expected.signers) {
            #expect(nonce.publicNonce.description == signer.publicNonce)
        }
        let nonces = drawn.map(\.publicNonce)
        let sum = try AggregateNonce(aggregating: nonces)
        #expect(try sum.rawRepresentation == bytes(expected.aggregateNonce))

        let session = try SigningSession(context: context, aggregateNonce: sum, message: message)
        var partials: [PartialSignature] = []
        for (nonce, signer) in zip(drawn, expected.signers) {
            let partial = try Self.sign(nonce.secret, signer, session)
            #expect(partial.description == signer.partialSignature)
            partials.append(partial)
        }
        #expect(try session.aggregate(partials, publicNonces: nonces).description == expected.signature)
        #expect(session.signersOfInvalid(partials, publicNonces: nonces) == [])
    }

    private static func draw(
        _ signer: Session.Signer, context: KeyAggContext, message: [UInt8]
    ) throws -> (secret: [UInt8], publicNonce: PublicNonce) {
        try drawNonce(
            randomness: bytes(signer.randomness),
            maskingKey: signer.givesSecretKey ? bytes(signer.secretKey) : nil,
            publicKey: PublicKey(compressedRepresentation: bytes(signer.publicKey)),
            aggregateKey: signer.givesAggregateKey ? context.aggregateKey.x : nil,
            message: signer.givesMessage ? message : nil,
            extraInput: bytes(signer.extraInput)
        )
    }

    private static func sign(
        _ nonce: [UInt8], _ signer: Session.Signer, _ session: SigningSession
    ) throws -> PartialSignature {
        let key = try makeSecretKey(bytes(signer.secretKey))
        return try session.sign(secretNonce(nonce), with: key)
    }
}
