import MuSig2
import Secp256k1
import Testing

@Suite("Published cases: keys")
struct KeyVectorTests {
    @Test("KeySort", arguments: try VectorFile.cases("key-sort"))
    func keySort(_ vector: VectorCase) throws {
        let keys = try #require(vector.keys).map { try PublicKey(compressedRepresentation: bytes($0)) }
        let sorted = KeySort.sorted(keys)
        #expect(sorted.map(\.description) == vector.expectedKeys)
        #expect(KeySort.isSorted(sorted))
        #expect(!KeySort.isSorted(keys))
    }

    @Test("KeyAgg", arguments: try VectorFile.cases("key-agg", outcome: "valid"))
    func keyAgg(_ vector: VectorCase) throws {
        #expect(try vector.context().xOnlyKey.description == vector.expected)
    }

    @Test("KeyAgg and ApplyTweak, errors", arguments: try VectorFile.cases("key-agg", outcome: "error"))
    func keyAggErrors(_ vector: VectorCase) {
        expectFailure(vector) { _ = try vector.context() }
    }

    @Test("Aggregate keys of BIP-328", arguments: try VectorFile.cases("bip328"))
    func bip328(_ vector: VectorCase) throws {
        #expect(try vector.context().aggregateKey.description == vector.expected)
    }

    /// Descriptors name keys in any order: KeySort makes one key of them.
    @Test("musig() keys of BIP-390", arguments: try VectorFile.cases("bip390"))
    func bip390(_ vector: VectorCase) throws {
        #expect(try vector.sortedContext().xOnlyKey.description == vector.expected)
        #expect(try vector.context().xOnlyKey.description != vector.expected, "the keys are written out of order")
    }

    @Test("All 56 cases of BIP-327 are there")
    func count() throws {
        let files = [
            "key-sort": 1, "key-agg": 9, "nonce-gen": 4, "nonce-agg": 5, "sign-verify": 17, "tweak": 6, "sig-agg": 5,
            "det-sign": 9,
        ]
        for (name, count) in files {
            #expect(try VectorFile.cases(name).count == count, "\(name)")
        }
        #expect(files.values.reduce(0, +) == 56)
    }
}
