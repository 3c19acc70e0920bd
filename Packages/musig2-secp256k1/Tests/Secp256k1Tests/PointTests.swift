import Testing

@testable import Secp256k1

@Suite("Points")
struct PointTests {
    private let generator = Point.point(.generator)

    @Test func extendedFormsParseAndComeBack() throws {
        let zeros = [UInt8](repeating: 0, count: 33)
        #expect(try Point(extendedRepresentation: zeros) == .infinity)
        #expect(Point.infinity.extendedRepresentation == zeros)
        #expect(try Point(extendedRepresentation: hex(generatorHex)) == generator)
        #expect(generator.extendedRepresentation == hex(generatorHex))
        #expect(throws: PublicKeyError.wrongByteCount(expected: 33, found: 32)) {
            try Point(extendedRepresentation: [UInt8](repeating: 0, count: 32))
        }
        #expect(throws: PublicKeyError.wrongPrefix(found: 0)) {
            try Point(extendedRepresentation: [UInt8](repeating: 0, count: 32) + [1])
        }
        var buffer = [UInt8](repeating: 0xAA, count: 34)
        buffer.withUnsafeMutableBytes { Point.infinity.writeExtended(to: $0) }
        #expect(buffer == zeros + [0xAA])
        buffer.withUnsafeMutableBytes { generator.writeExtended(to: $0) }
        #expect(buffer == hex(generatorHex) + [0xAA])
        #expect(Point.infinity.isInfinity)
        #expect(Point.infinity.description == "infinity")
        #expect(generator.publicKey == .generator)
    }

    @Test func infinityIsTheZeroOfTheGroup() {
        #expect(Point.infinity + .infinity == .infinity)
        #expect(Point.infinity + generator == generator)
        #expect(generator + .infinity == generator)
        #expect(generator + generator.negated == .infinity)
        #expect(Point.infinity.negated == .infinity)
        #expect(Point.infinity.multiplied(by: Scalar(5)) == .infinity)
        #expect(generator.multiplied(by: .zero) == .infinity)
        #expect(Point.infinity.addingGenerator(times: Scalar(3)) == Point.generator(times: Scalar(3)))
        #expect(Point.infinity.addingGenerator(times: .zero) == .infinity)
        #expect(Point.generator(times: .zero) == .infinity)
        #expect(generator.addingGenerator(times: .zero) == generator)
        #expect(generator.addingGenerator(times: -Scalar.one) == .infinity)
    }

    @Test func sumsOfAnyNumber() throws {
        #expect(Point.sum(of: [PublicKey]()) == .infinity)
        #expect(Point.sum(of: [Point]()) == .infinity)
        #expect(Point.sum(of: [.infinity, .infinity]) == .infinity)
        #expect(Point.sum(of: [PublicKey.generator]) == generator)
        #expect(Point.sum(of: [generator, .infinity]) == generator)
        #expect(Point.sum(of: [PublicKey.generator, PublicKey.generator.negated]) == .infinity)
        let many = [PublicKey](repeating: .generator, count: 1_000)
        #expect(Point.sum(of: many) == Point.generator(times: Scalar(1_000)))
        #expect(PublicKey.generator + PublicKey.generator == Point.generator(times: Scalar(2)))
    }

    /// A collection with too small a count cannot make the sum write beyond its memory.
    @Test func aCollectionThatMiscountsIsNotFollowed() {
        struct Miscounting: Collection {
            let startIndex = 0
            let endIndex = 3
            var count: Int { 2 }
            func index(after index: Int) -> Int { index + 1 }
            subscript(index: Int) -> PublicKey { .generator }
        }
        #expect(Point.sum(of: Miscounting()) == Point.generator(times: Scalar(2)))
    }

    @Test func arithmeticOnPointsFollowsArithmeticOnScalars() {
        let seed: UInt64 = 11
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let (a, b) = (random.scalar(), random.scalar())
            let point = Point.generator(times: a)
            #expect(point + Point.generator(times: b) == Point.generator(times: a + b), "seed \(seed)")
            #expect(point.multiplied(by: b) == Point.generator(times: a * b), "seed \(seed)")
            #expect(point.addingGenerator(times: b) == Point.generator(times: a + b), "seed \(seed)")
            #expect(point.negated == Point.generator(times: -a), "seed \(seed)")
        }
    }

    @Test func doubleMultiplicationAgreesWithTheTwoSteps() throws {
        let seed: UInt64 = 12
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let key = try random.publicKey()
            let (u1, u2) = (random.scalar(), random.scalar())
            let expected = key.multiplied(by: u2).addingGenerator(times: u1)
            // The fast way, not the fallback, gives the answer.
            let recovered = key.doubleMultipliedByRecovery(generatorFactor: u1, pointFactor: u2)
            #expect(recovered.map(Point.point) == expected, "seed \(seed)")
            #expect(key.doubleMultiplied(generatorFactor: u1, pointFactor: u2) == expected, "seed \(seed)")
        }
    }

    @Test func doubleMultiplicationAtTheEdges() throws {
        let edges = ScalarTests.edges
        var random = SeededGenerator(seed: 13)
        let secret = random.scalar()
        for key in [PublicKey.generator, PublicKey.generator.negated, try random.publicKey()] {
            for u1 in edges {
                for u2 in edges {
                    let expected = key.multiplied(by: u2).addingGenerator(times: u1)
                    #expect(key.doubleMultiplied(generatorFactor: u1, pointFactor: u2) == expected, "\(u1) \(u2)")
                }
            }
        }
        // u1 * G + u2 * P at infinity: P = secret * G and u1 = - u2 * secret.
        let point = try #require(Point.generator(times: secret).publicKey)
        #expect(point.doubleMultiplied(generatorFactor: -(secret * Scalar(9)), pointFactor: Scalar(9)) == .infinity)
    }

    /// There are points with an x coordinate between n and p, which recovery takes for another number.
    @Test func doubleMultiplicationOfAPointWithACoordinateNotBelowTheOrder() throws {
        var found: PublicKey?
        var low: UInt64 = 0
        // n + low, until a point has it; every second x coordinate does.
        while found == nil, low < 64 {
            let x = Hash32(
                bigEndianWords: 0xFFFF_FFFF_FFFF_FFFF,
                0xFFFF_FFFF_FFFF_FFFE,
                0xBAAE_DCE6_AF48_A03B,
                0xBFD2_5E8C_D036_4141 + low
            )
            do throws(PublicKeyError) { found = try XOnlyPublicKey(x).evenPublicKey } catch { low += 1 }
        }
        let key = try #require(found)
        #expect(Scalar(canonical: key.x) == nil)
        let (u1, u2) = (Scalar(123), Scalar(456))
        #expect(key.doubleMultipliedByRecovery(generatorFactor: u1, pointFactor: u2) == nil)
        #expect(
            key.doubleMultiplied(generatorFactor: u1, pointFactor: u2)
                == key.multiplied(by: u2).addingGenerator(times: u1)
        )
    }
}
