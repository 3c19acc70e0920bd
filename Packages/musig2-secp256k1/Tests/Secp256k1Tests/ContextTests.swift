import CSecp256k1
import Synchronization
import Testing

@testable import Secp256k1

/// The library's own answer to an illegal argument is to end the process. Here the call returns 0 and is counted.
@Suite("The context of the library", .serialized)
struct ContextTests {
    /// All zero: the structure of a point that was never parsed.
    private let unparsed = PublicKey(storage: secp256k1_pubkey(), xCoordinate: .zero, prefix: 2)

    @Test func illegalArgumentsDoNotEndTheProcess() {
        let before = Context.illegalArgumentCount.load(ordering: .relaxed)
        #expect(unparsed.multiplied(by: Scalar(2)) == .infinity)
        #expect(unparsed.addingGenerator(times: Scalar(2)) == .infinity)
        let signature = SchnorrSignature(r: .zero, s: .zero)
        #expect(!XOnlyPublicKey(evenPoint: unparsed).isValidSignature(signature, for: [UInt8]()))
        #expect(Context.illegalArgumentCount.load(ordering: .relaxed) == before + 3)
    }

    /// The control: with the library's own answer a process does end.
    @Test func theLibraryAloneEndsTheProcess() async {
        // 6 is SIGABRT.
        await #expect(processExitsWith: .signal(6)) {
            guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else { return }
            var unparsed = secp256k1_pubkey()
            _ = secp256k1_ec_pubkey_negate(context, &unparsed)
        }
    }

    @Test func manyTasksUseOneContext() async throws {
        let key = try secretKey("b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef")
        let expected = try key.schnorrSignature(for: [1, 2, 3], auxiliaryRandomness: .zero)
        let publicKey = key.xOnlyPublicKey
        let valid = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<50).filter { round in
                        publicKey.isValidSignature(expected, for: [1, 2, 3])
                            && !publicKey.isValidSignature(expected, for: [UInt8(task), UInt8(round)])
                    }.count
                }
            }
            return await group.reduce(0, +)
        }
        #expect(valid == 400)
    }
}
