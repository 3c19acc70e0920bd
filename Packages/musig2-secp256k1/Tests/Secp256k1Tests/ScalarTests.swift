import CSecp256k1
import Testing

@testable import Secp256k1

@Suite("Scalars")
struct ScalarTests {
    /// 0, small numbers, numbers about n and n / 2, and those that have all ones or all zeros in some limb.
    static let edges: [Scalar] = [
        .zero,
        .one,
        Scalar(2),
        Scalar(.max),
        scalar(orderLessOneHex),
        scalar("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036413f"),
        scalar("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"),
        scalar("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1"),
        scalar("fffffffffffffffffffffffffffffffe00000000000000000000000000000000"),
        scalar("fffffffffffffffffffffffffffffffdffffffffffffffffffffffffffffffff"),
        scalar("00000000000000000000000000000001000000000000000000000000000000ff"),
        scalar("000000000000000000000000000000014551231950b75fc4402da1732fc9bebf"),
        scalar("000000000000000000000000000000014551231950b75fc4402da1732fc9bebe"),
        scalar("8000000000000000000000000000000000000000000000000000000000000000"),
        scalar("0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff"),
        scalar("ffffffffffffffff0000000000000000ffffffffffffffff0000000000000000"),
    ]

    @Test func numbersBelowTheOrderAreCanonicalAndOthersAreNot() {
        #expect(Scalar(canonical: hex(orderLessOneHex))?.bytes == hex(orderLessOneHex))
        #expect(Scalar(canonical: hex(orderHex)) == nil)
        #expect(Scalar(canonical: [UInt8](repeating: 0xFF, count: 32)) == nil)
        #expect(Scalar(canonical: [UInt8](repeating: 0, count: 32)) == .zero)
        #expect(Scalar(canonical: [UInt8](repeating: 0, count: 31)) == nil)
        #expect(Scalar(canonical: [UInt8](repeating: 0, count: 33)) == nil)
        #expect(Scalar(canonical: [UInt8]()) == nil)
    }

    @Test func reducingTakesTheOrderAwayOnce() {
        #expect(Scalar(reducing: hash32(orderHex)) == .zero)
        #expect(Scalar(reducing: hash32(orderLessOneHex)) == scalar(orderLessOneHex))
        let highest = Hash32(bigEndianWords: .max, .max, .max, .max)
        // 2^256 - 1 - n.
        #expect(
            Scalar(reducing: highest) == scalar("000000000000000000000000000000014551231950b75fc4402da1732fc9bebe")
        )
    }

    @Test func bytesAreBigEndian() {
        var expected = [UInt8](repeating: 0, count: 32)
        expected[30] = 1
        expected[31] = 2
        #expect(Scalar(258).bytes == expected)
        #expect(Scalar(258).description == String(repeating: "0", count: 61) + "102")
    }

    @Test func onlyZeroIsZero() {
        #expect(Scalar.zero.isZero)
        for scalar in ScalarTests.edges where scalar != .zero {
            #expect(!scalar.isZero)
            #expect(scalar + scalar.negated == .zero)
            #expect(scalar - scalar == .zero)
            #expect(-scalar == .zero - scalar)
        }
        #expect(Scalar.zero.negated == .zero)
    }

    @Test func operatorsThatAssignAgreeWithTheOthers() {
        var value = Scalar(7)
        value += Scalar(5)
        #expect(value == Scalar(12))
        value *= Scalar(3)
        #expect(value == Scalar(36))
        value -= Scalar(37)
        #expect(value == scalar(orderLessOneHex))
    }

    @Test func edgesAgreeWithTheLibrary() throws {
        for left in ScalarTests.edges {
            for right in ScalarTests.edges {
                try Reference.check(left, right)
            }
        }
    }

    @Test(arguments: [UInt64(20_261_121), 7]) func randomPairsAgreeWithTheLibrary(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10_000 {
            try Reference.check(generator.scalar(), generator.scalar(), seed: seed)
        }
    }

    /// Sparse numbers make carries and borrows run through whole limbs, which random ones hardly ever do.
    @Test(arguments: [UInt64(327), 340]) func sparsePairsAgreeWithTheLibrary(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func sparse() -> Scalar {
            func word() -> UInt64 {
                switch generator.next() % 5 {
                case 0: 0
                case 1: .max
                case 2: 1 &<< (generator.next() % 64)
                case 3: .max &- (1 &<< (generator.next() % 64))
                default: generator.next()
                }
            }
            return Scalar(reducing: Hash32(bigEndianWords: word(), word(), word(), word()))
        }
        for _ in 0..<5_000 {
            try Reference.check(sparse(), sparse(), seed: seed)
        }
    }

    /// The library's arithmetic on secret keys, which refuses 0 as an operand or a result.
    enum Reference {
        static func check(_ left: Scalar, _ right: Scalar, seed: UInt64 = 0) throws {
            try #require(left + right == sum(left, right), "\(left) + \(right), seed \(seed)")
            try #require(left * right == product(left, right), "\(left) * \(right), seed \(seed)")
            try #require(left.negated == negation(left), "- \(left), seed \(seed)")
            try #require(left - right == sum(left, negation(right)), "\(left) - \(right), seed \(seed)")
        }

        static func sum(_ left: Scalar, _ right: Scalar) -> Scalar {
            if left.isZero { return right }
            // The only sum that is refused is 0.
            return apply(left, right, secp256k1_ec_seckey_tweak_add) ?? .zero
        }

        static func product(_ left: Scalar, _ right: Scalar) -> Scalar {
            if left.isZero || right.isZero { return .zero }
            return apply(left, right, secp256k1_ec_seckey_tweak_mul) ?? .zero
        }

        static func negation(_ value: Scalar) -> Scalar {
            if value.isZero { return .zero }
            return apply(value, value, { context, key, _ in secp256k1_ec_seckey_negate(context, key) }) ?? .zero
        }

        private static func apply(
            _ left: Scalar,
            _ right: Scalar,
            _ operation: (OpaquePointer, UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>) -> CInt
        ) -> Scalar? {
            var result = left.bytes
            guard operation(Context.shared.pointer, &result, right.bytes) == 1 else { return nil }
            return Scalar(canonical: result)
        }
    }
}
