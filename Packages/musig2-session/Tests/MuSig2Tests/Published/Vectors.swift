import Foundation
import MuSig2
import Secp256k1
import Testing

/// One published case, as the files in `Vectors` hold it: only the fields of its kind are there.
struct VectorCase: Decodable, Sendable, CustomTestStringConvertible {
    struct TweakFields: Decodable, Sendable {
        var tweak: String
        var isXOnly: Bool
    }

    struct Failure: Decodable, Sendable, Equatable {
        var kind: String
        var signer: Int?
        var contribution: String?
    }

    var name: String
    var outcome: String
    var keys: [String]?
    var expectedKeys: [String]?
    var tweaks: [TweakFields]?
    var publicNonces: [String]?
    var aggregateNonce: String?
    var aggregateOtherNonce: String?
    var randomness: String?
    var secretKey: String?
    var publicKey: String?
    var aggregateKey: String?
    var extraInput: String?
    var secretNonce: String?
    var message: String?
    var signer: Int?
    var signature: String?
    var signatures: [String]?
    var expected: String?
    var expectedSecretNonce: String?
    var expectedPublicNonce: String?
    var error: Failure?

    var testDescription: String { name }
}

/// A file of published cases.
struct VectorFile: Decodable {
    var origin: String
    var cases: [VectorCase]

    static func cases(_ name: String, outcome: String? = nil) throws -> [VectorCase] {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"),
            "no file \(name).json among the resources"
        )
        let file = try JSONDecoder().decode(VectorFile.self, from: Data(contentsOf: url))
        return file.cases.filter { outcome == nil || $0.outcome == outcome }
    }
}

extension VectorCase {
    /// The keys aggregated and tweaked as the case says.
    func context() throws -> KeyAggContext {
        let keys = try #require(self.keys).map { try bytes($0) }
        return try KeyAggContext(compressedKeys: keys).applyingTweaks(tweakValues())
    }

    /// The same with the keys sorted before.
    func sortedContext() throws -> KeyAggContext {
        let keys = try #require(self.keys).map { try PublicKey(compressedRepresentation: bytes($0)) }
        return try KeyAggContext(keys: KeySort.sorted(keys)).applyingTweaks(tweakValues())
    }

    private func tweakValues() throws -> [Tweak] {
        try (tweaks ?? []).map { fields in
            try Tweak(bytes: bytes(fields.tweak), kind: fields.isXOnly ? .xOnly : .plain)
        }
    }

    func messageBytes() throws -> [UInt8] {
        try bytes(#require(message))
    }

    func nonces() throws -> [PublicNonce] {
        try #require(publicNonces).map { try PublicNonce(rawRepresentation: bytes($0)) }
    }
}

/// What an error of this module says, in the words of the vector files.
func failure(of error: any Error) -> VectorCase.Failure? {
    switch error {
    case KeyAggError.invalidContribution(let blame), NonceAggError.invalidContribution(let blame),
        AggregationError.invalidContribution(let blame), DeterministicSigningError.invalidContribution(let blame),
        let blame as InvalidContribution:
        let contribution =
            switch blame.contribution {
            case .publicKey: "publicKey"
            case .publicNonce: "publicNonce"
            case .aggregateNonce: "aggregateNonce"
            case .aggregateOtherNonce: "aggregateOtherNonce"
            case .partialSignature: "partialSignature"
            }
        return .init(kind: "contribution", signer: blame.signer, contribution: contribution)
    case TweakError.notBelowOrder:
        return .init(kind: "tweakNotBelowOrder")
    case TweakError.tweakedKeyIsInfinity:
        return .init(kind: "tweakedKeyIsInfinity")
    case let error as PartialSignError:
        guard case .signerNotAmongKeys = error else { return nil }
        return .init(kind: "signerNotAmongKeys")
    case let error as DeterministicSigningError:
        guard case .signing(.signerNotAmongKeys) = error else { return nil }
        return .init(kind: "signerNotAmongKeys")
    case SecretKeyError.outOfRange:
        return .init(kind: "nonceOutOfRange")
    default:
        return nil
    }
}

/// Runs what must fail and compares the failure with the case's.
func expectFailure(_ vector: VectorCase, _ body: () throws -> Void) {
    do {
        try body()
        Issue.record("\(vector.name): expected \(String(describing: vector.error)), found no error")
    } catch {
        #expect(failure(of: error) == vector.error, "\(error)")
    }
}
