import Secp256k1
import Testing

@testable import MuSig2

@Suite("One changed bit, every bit")
struct EveryBitTests {
    @Test("of any contribution is pinned on its signer", arguments: 0..<4, 50...51 as ClosedRange<UInt64>)
    func pinned(signer: Int, seed: UInt64) throws {
        let group = try Group(seed: seed, count: 4, tweakCount: Int(seed % 3))
        for bit in 0..<33 * 8 {
            try BitFlip.changeKey(group, signer: signer, bit: bit)
        }
        for bit in 0..<66 * 8 {
            try BitFlip.changeNonce(group, signer: signer, bit: bit)
        }
        let partials = try group.partials()
        for bit in 0..<32 * 8 {
            BitFlip.changePartial(group, partials, signer: signer, bit: bit)
        }
    }
}
