import Secp256k1
import Testing

@Suite struct ScalarTests {
    @Test func zeroAndOne() {
        #expect(Scalar.zero + Scalar.one == Scalar.one)
    }
}
