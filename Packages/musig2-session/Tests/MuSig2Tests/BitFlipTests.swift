import Secp256k1
import Testing

@testable import MuSig2

@Suite("One changed bit")
struct BitFlipTests {
    @Test("of any contribution is pinned on its signer", arguments: 0..<3)
    func pinned(signer: Int) throws {
        let group = try Group(seed: 40, count: 3, tweakCount: 1)
        // Every eleventh bit here; every bit of several groups in the release build.
        for bit in stride(from: 0, to: 33 * 8, by: 11) {
            try BitFlip.changeKey(group, signer: signer, bit: bit)
        }
        for bit in stride(from: 0, to: 66 * 8, by: 11) {
            try BitFlip.changeNonce(group, signer: signer, bit: bit)
        }
        let partials = try group.partials()
        for bit in stride(from: 0, to: 32 * 8, by: 11) {
            BitFlip.changePartial(group, partials, signer: signer, bit: bit)
        }
    }

    @Test("of the aggregate nonce is no signer's fault")
    func aggregateNonce() throws {
        let group = try Group(seed: 41, count: 3, tweakCount: 1)
        for bit in stride(from: 0, to: 66 * 8, by: 11) {
            try BitFlip.changeAggregateNonce(group, bit: bit)
        }
    }
}
