import Testing

@testable import Secp256k1

@Suite("Secrets")
struct SecretTests {
    static let outOfRange: [String] = [
        String(repeating: "0", count: 64),
        orderHex,
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142",
        String(repeating: "f", count: 64),
    ]

    @Test(arguments: outOfRange) func numbersOutsideTheRangeAreNoKeysAndNoScalars(text: String) {
        #expect(secretKeyError { () throws(SecretKeyError) in _ = try secretKey(text) } == .outOfRange)
        #expect(secretKeyError { () throws(SecretKeyError) in _ = try secretScalar(hex(text)) } == .outOfRange)
    }

    @Test(arguments: [0, 31, 33]) func anotherLengthIsRefused(count: Int) {
        let bytes = [UInt8](repeating: 1, count: count)
        let expected = SecretKeyError.wrongByteCount(expected: 32, found: count)
        #expect(secretKeyError { () throws(SecretKeyError) in _ = try secretKey(bytes) } == expected)
        #expect(secretKeyError { () throws(SecretKeyError) in _ = try secretScalar(bytes) } == expected)
        #expect(
            secretKeyError { () throws(SecretKeyError) in _ = try SecretScalar(reducing: secretBytes(bytes)) }
                == expected
        )
    }

    /// The short way from an array, of any length, to a key.
    @Test func spansAreCopiedAndChecked() throws {
        let bytes = hex("0b432b2677937381aef05bb02a66ecd012773062cf3fa2549e44f58ed2401710")
        let expected = try secretKey(bytes)
        #expect(try SecretKey(copying: bytes.span.bytes).isEqual(to: expected) == true)
        #expect(try SecretScalar(copying: bytes.span.bytes).declassify().bytes == bytes)
        #expect(SecretBytes(copying: bytes.span.bytes).withUnsafeBytes { Array($0) } == bytes)
        #expect(SecretBytes(copying: [UInt8]().span.bytes).count == 0)
        for (wrong, error) in [
            (bytes + [0], SecretKeyError.wrongByteCount(expected: 32, found: 33)),
            ([], .wrongByteCount(expected: 32, found: 0)), (hex(orderHex), .outOfRange),
        ] {
            #expect(
                secretKeyError { () throws(SecretKeyError) in _ = try SecretKey(copying: wrong.span.bytes) } == error)
            #expect(
                secretKeyError { () throws(SecretKeyError) in _ = try SecretScalar(copying: wrong.span.bytes) } == error
            )
        }
    }

    @Test func theLowestAndTheHighestKey() throws {
        let lowest = try secretKey(String(repeating: "0", count: 63) + "1")
        #expect(lowest.publicKey == .generator)
        let highest = try secretKey(orderLessOneHex)
        #expect(highest.publicKey == PublicKey.generator.negated)
        #expect(highest.xOnlyPublicKey == PublicKey.generator.xOnly)
    }

    @Test func aKeyLendsItsOwnBytes() throws {
        let text = "0b432b2677937381aef05bb02a66ecd012773062cf3fa2549e44f58ed2401710"
        let key = try secretKey(text)
        #expect(key.withUnsafeBytes { Array($0) } == hex(text))
        let copy = key.copy()
        #expect(copy.withUnsafeBytes { Array($0) } == hex(text))
        #expect(copy.publicKey == key.publicKey)
        #expect(copy.isEqual(to: key) == true)
        #expect(try key.isEqual(to: secretKey(orderLessOneHex)) == false)
        #expect(key.secretScalar().declassify() == scalar(text))
        #expect(
            try copy.schnorrSignature(for: [1], auxiliaryRandomness: .zero)
                == key.schnorrSignature(for: [1], auxiliaryRandomness: .zero)
        )
    }

    @Test func generatedKeysDiffer() {
        let keys = (0..<50).map { _ in SecretKey.generate().publicKey }
        #expect(Set(keys).count == 50)
    }

    @Test func aSeededGeneratorGivesTheSameKeys() throws {
        var (first, second) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
        let key = try SecretKey(generatingUsing: &first)
        let again = try SecretKey(generatingUsing: &second)
        #expect(key.isEqual(to: again) == true)
    }

    /// A broken generator ends in an error, not in an endless loop.
    @Test(arguments: [UInt64.min, .max]) func aGeneratorThatRepeatsItselfIsRefused(word: UInt64) {
        struct Constant: RandomNumberGenerator {
            var word: UInt64
            var calls = 0
            mutating func next() -> UInt64 {
                self.calls += 1
                return self.word
            }
        }
        var generator = Constant(word: word)
        let error = secretKeyError { () throws(SecretKeyError) in _ = try SecretKey(generatingUsing: &generator) }
        #expect(error == .unsuitableGenerator)
        #expect(generator.calls == 64)
    }

    @Test func secretArithmeticAgreesWithPublicArithmetic() throws {
        let seed: UInt64 = 21
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let (a, b, c) = (random.scalar(), random.scalar(), random.scalar())
            var value = try secretScalar(a.bytes)
            let other = try secretScalar(b.bytes)
            try value.multiply(by: c)
            try value.add(other)
            value.negate()
            try value.multiply(by: other)
            try value.add(c)
            let expected = -(a * c + b) * b + c
            #expect(try Point.point(value.publicPoint()) == Point.generator(times: expected), "seed \(seed)")
            #expect(value.copy().declassify() == expected, "seed \(seed)")
            #expect(value.declassify() == expected, "seed \(seed)")
        }
    }

    @Test func reducingAgreesWithPublicReducing() throws {
        for text in [orderLessOneHex, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142"] {
            let value = try SecretScalar(reducing: secretBytes(hex(text)))
            #expect(value.declassify() == Scalar(reducing: hash32(text)))
        }
        for text in [orderHex, String(repeating: "0", count: 64)] {
            let error = secretKeyError { () throws(SecretKeyError) in
                _ = try SecretScalar(reducing: secretBytes(hex(text)))
            }
            #expect(error == .outOfRange)
        }
    }

    @Test func aResultOfZeroIsAnErrorAndStaysOne() throws {
        var value = try secretScalar(Scalar(5).bytes)
        let error = secretKeyError { () throws(SecretKeyError) in try value.add(-Scalar(5)) }
        #expect(error == .resultIsZero)
        #expect(value.withUnsafeBytes { Array($0) } == [UInt8](repeating: 0, count: 32))
        let later = secretKeyError { () throws(SecretKeyError) in try value.multiply(by: Scalar(2)) }
        #expect(later == .resultIsZero)
        let point = secretKeyError { () throws(SecretKeyError) in _ = try value.publicPoint() }
        #expect(point == .resultIsZero)
        var factor = try secretScalar(Scalar(5).bytes)
        let copied = try Scalar(6).withUnsafeBytes { (bytes) throws(SecretKeyError) in try SecretScalar(copying: bytes)
        }
        #expect(copied.declassify() == Scalar(6))
        let product = secretKeyError { () throws(SecretKeyError) in try factor.multiply(by: .zero) }
        #expect(product == .resultIsZero)
        #expect(factor.withUnsafeBytes { Array($0) } == [UInt8](repeating: 0, count: 32))
    }

    @Test func constantTimeEquality() {
        let bytes = hex(orderHex)
        #expect(constantTimeEquals(bytes, bytes))
        #expect(constantTimeEquals([], []))
        #expect(!constantTimeEquals(bytes, Array(bytes.dropLast())))
        for bit in 0..<256 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!constantTimeEquals(bytes, changed))
            #expect(secretBytes(bytes).isEqual(to: secretBytes(changed)) == false)
        }
        #expect(secretBytes(bytes).isEqual(to: secretBytes(bytes)) == true)
    }
}

/// The error of a closure, for values that `#expect(throws:)` cannot hold since they are noncopyable.
func secretKeyError(_ body: () throws(SecretKeyError) -> Void) -> SecretKeyError? {
    do throws(SecretKeyError) {
        try body()
        return nil
    } catch {
        return error
    }
}
