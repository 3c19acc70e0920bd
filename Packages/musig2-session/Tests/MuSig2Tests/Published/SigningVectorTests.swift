import Secp256k1
import Testing

@testable import MuSig2

@Suite("Published cases: signing")
struct SigningVectorTests {
    @Test("Sign", arguments: try VectorFile.cases("sign-verify", outcome: "valid"))
    func sign(_ vector: VectorCase) throws {
        try Self.checkSigning(vector)
    }

    @Test("Sign, errors", arguments: try VectorFile.cases("sign-verify", outcome: "signError"))
    func signErrors(_ vector: VectorCase) {
        expectFailure(vector) { _ = try Self.sign(vector) }
    }

    @Test("PartialSigVerify, invalid", arguments: try VectorFile.cases("sign-verify", outcome: "verifyFails"))
    func verifyFails(_ vector: VectorCase) throws {
        let raw = try bytes(#require(vector.signature))
        let nonces = try vector.nonces()
        let session = try SigningSession(
            context: vector.context(), aggregateNonce: AggregateNonce(aggregating: nonces),
            message: vector.messageBytes()
        )
        let signer = try #require(vector.signer)
        do throws(ContributionError) {
            let partial = try PartialSignature(rawRepresentation: raw)
            #expect(!session.isValid(partial, publicNonce: nonces[signer], signer: signer))
        } catch {
            #expect(vector.name == "signature exceeds the group order")
            #expect(error == .scalarNotBelowOrder)
        }
    }

    @Test("PartialSigVerify, errors", arguments: try VectorFile.cases("sign-verify", outcome: "verifyError"))
    func verifyErrors(_ vector: VectorCase) throws {
        let raw = try #require(vector.publicNonces).map { try bytes($0) }
        expectFailure(vector) {
            _ = try AggregateNonce(aggregating: raw)
            _ = try vector.context()
        }
    }

    @Test("Sign with tweaks", arguments: try VectorFile.cases("tweak", outcome: "valid"))
    func tweak(_ vector: VectorCase) throws {
        try Self.checkSigning(vector)
    }

    @Test("Sign with tweaks, errors", arguments: try VectorFile.cases("tweak", outcome: "error"))
    func tweakErrors(_ vector: VectorCase) {
        expectFailure(vector) { _ = try Self.sign(vector) }
    }

    @Test("PartialSigAgg", arguments: try VectorFile.cases("sig-agg", outcome: "valid"))
    func aggregate(_ vector: VectorCase) throws {
        let (session, nonces, raw) = try Self.aggregation(vector)
        let signature = try session.aggregate(rawPartials: raw, publicNonces: nonces)
        #expect(signature.description == vector.expected)
        #expect(session.context.xOnlyKey.isValidSignature(signature, for: try vector.messageBytes()))
        #expect(try AggregateNonce(aggregating: nonces) == session.aggregateNonce)
    }

    @Test("PartialSigAgg, errors", arguments: try VectorFile.cases("sig-agg", outcome: "error"))
    func aggregateErrors(_ vector: VectorCase) throws {
        let (session, nonces, raw) = try Self.aggregation(vector)
        expectFailure(vector) { _ = try session.aggregate(rawPartials: raw, publicNonces: nonces) }
    }

    @Test("DeterministicSign", arguments: try VectorFile.cases("det-sign", outcome: "valid"))
    func deterministic(_ vector: VectorCase) throws {
        let result = try Self.signDeterministically(vector)
        #expect(result.publicNonce.description == vector.expectedPublicNonce)
        #expect(result.partialSignature.description == vector.expected)
        let signer = try #require(vector.signer)
        #expect(
            result.session.isValid(result.partialSignature, publicNonce: result.publicNonce, signer: signer)
        )
    }

    @Test("DeterministicSign, errors", arguments: try VectorFile.cases("det-sign", outcome: "error"))
    func deterministicErrors(_ vector: VectorCase) {
        expectFailure(vector) { _ = try Self.signDeterministically(vector) }
    }

    private static func sign(_ vector: VectorCase) throws -> (SigningSession, PartialSignature) {
        let session = try SigningSession(
            context: vector.context(),
            aggregateNonce: AggregateNonce(rawRepresentation: bytes(#require(vector.aggregateNonce))),
            message: vector.messageBytes()
        )
        let nonce = try secretNonce(bytes(#require(vector.secretNonce)))
        return (session, try session.sign(nonce, with: makeSecretKey(bytes(#require(vector.secretKey)))))
    }

    private static func checkSigning(_ vector: VectorCase) throws {
        let (session, partial) = try sign(vector)
        #expect(partial.description == vector.expected)
        let nonces = try vector.nonces()
        let signer = try #require(vector.signer)
        #expect(session.isValid(partial, publicNonce: nonces[signer], signer: signer))
        #expect(try AggregateNonce(aggregating: nonces) == session.aggregateNonce)
    }

    private static func aggregation(
        _ vector: VectorCase
    ) throws -> (session: SigningSession, nonces: [PublicNonce], rawPartials: [[UInt8]]) {
        let session = try SigningSession(
            context: vector.context(),
            aggregateNonce: AggregateNonce(rawRepresentation: bytes(#require(vector.aggregateNonce))),
            message: vector.messageBytes()
        )
        return (session, try vector.nonces(), try #require(vector.signatures).map { try bytes($0) })
    }

    private static func signDeterministically(_ vector: VectorCase) throws -> DeterministicSigning.Result {
        try DeterministicSigning.sign(
            with: makeSecretKey(bytes(#require(vector.secretKey))),
            context: vector.context(),
            aggregateOtherNonce: bytes(#require(vector.aggregateOtherNonce)),
            message: vector.messageBytes(),
            auxiliaryRandomness: vector.randomness.map { try #require(Hash32(bytes($0))) }
        )
    }
}
