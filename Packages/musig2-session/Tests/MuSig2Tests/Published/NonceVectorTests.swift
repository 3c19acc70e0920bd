import Secp256k1
import Testing

@testable import MuSig2

@Suite("Published cases: nonces")
struct NonceVectorTests {
    @Test("NonceGen", arguments: try VectorFile.cases("nonce-gen"))
    func nonceGen(_ vector: VectorCase) throws {
        let (secret, publicNonce) = try Self.draw(vector)
        #expect(publicNonce.description == vector.expectedPublicNonce)
        #expect(try secret == bytes(#require(vector.expectedSecretNonce)))
    }

    private static func draw(_ vector: VectorCase) throws -> (secret: [UInt8], publicNonce: PublicNonce) {
        let publicKey = try PublicKey(compressedRepresentation: bytes(#require(vector.publicKey)))
        let aggregateKey = try vector.aggregateKey.map { try #require(Hash32(bytes($0))) }
        let message = try vector.message.map { try bytes($0) }
        let extraInput = try vector.extraInput.map { try bytes($0) } ?? []
        let masking = try vector.secretKey.map { try bytes($0) }
        return try drawNonce(
            randomness: bytes(#require(vector.randomness)), maskingKey: masking, publicKey: publicKey,
            aggregateKey: aggregateKey, message: message, extraInput: extraInput
        )
    }

    @Test("NonceAgg", arguments: try VectorFile.cases("nonce-agg", outcome: "valid"))
    func nonceAgg(_ vector: VectorCase) throws {
        let raw = try #require(vector.publicNonces).map { try bytes($0) }
        let sum = try AggregateNonce(aggregating: raw)
        #expect(try sum.rawRepresentation == bytes(#require(vector.expected)))
        #expect(try AggregateNonce(rawRepresentation: sum.rawRepresentation) == sum)
    }

    @Test("NonceAgg, errors", arguments: try VectorFile.cases("nonce-agg", outcome: "error"))
    func nonceAggErrors(_ vector: VectorCase) throws {
        let raw = try #require(vector.publicNonces).map { try bytes($0) }
        expectFailure(vector) { _ = try AggregateNonce(aggregating: raw) }
    }
}
