import CSecp256k1
import Testing

@testable import Secp256k1

@Suite("Public keys")
struct PublicKeyTests {
    static let x = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    static let y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"

    @Test func compressedKeysParseAndComeBack() throws {
        let even = try PublicKey(compressedRepresentation: hex("02" + Self.x))
        #expect(even == .generator)
        #expect(even.compressedRepresentation == hex(generatorHex))
        #expect(even.hasEvenY)
        #expect(even.x == hash32(Self.x))
        #expect(even.description == generatorHex)
        let odd = try PublicKey(compressedRepresentation: hex("03" + Self.x))
        #expect(!odd.hasEvenY)
        #expect(odd == even.negated)
        #expect(odd.negated == even)
        #expect(odd.xOnly == even.xOnly)
        #expect(try PublicKey(compressedRepresentation: ([0, 0] + hex(generatorHex))[2...]) == even)
        #expect(even.withCompressedBytes { Array($0) } == hex(generatorHex))
        let fromMemory = try hex(generatorHex).withUnsafeBytes { try PublicKey(compressedRepresentation: $0) }
        #expect(fromMemory == even)
    }

    static let malformed: [(name: String, bytes: [UInt8], error: PublicKeyError)] = [
        ("empty", [], .wrongByteCount(expected: 33, found: 0)),
        ("a byte short", hex("02" + x).dropLast(), .wrongByteCount(expected: 33, found: 32)),
        ("a byte long", hex("02" + x + "00"), .wrongByteCount(expected: 33, found: 34)),
        ("uncompressed", hex("04" + x + y), .wrongByteCount(expected: 33, found: 65)),
        ("hybrid", hex("06" + x + y), .wrongByteCount(expected: 33, found: 65)),
        ("hybrid, odd", hex("07" + x + y), .wrongByteCount(expected: 33, found: 65)),
        ("a mebibyte", .init(repeating: 2, count: 1 << 20), .wrongByteCount(expected: 33, found: 1 << 20)),
        ("infinity", .init(repeating: 0, count: 33), .wrongPrefix(found: 0)),
        ("prefix 01", hex("01" + x), .wrongPrefix(found: 1)),
        ("prefix of uncompressed", hex("04" + x), .wrongPrefix(found: 4)),
        ("prefix 05", hex("05" + x), .wrongPrefix(found: 5)),
        ("prefix of hybrid", hex("06" + x), .wrongPrefix(found: 6)),
        ("prefix of odd hybrid", hex("07" + x), .wrongPrefix(found: 7)),
        ("prefix ff", hex("ff" + x), .wrongPrefix(found: 0xFF)),
        ("x is p", hex("02" + fieldSizeHex), .coordinateNotBelowFieldSize),
        ("x is p, odd", hex("03" + fieldSizeHex), .coordinateNotBelowFieldSize),
        // p + 1 stands for x = 1, which is on the curve.
        (
            "x is p + 1", hex("02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30"),
            .coordinateNotBelowFieldSize
        ),
        ("x is 2^256 - 1", hex("02" + String(repeating: "f", count: 64)), .coordinateNotBelowFieldSize),
        ("the point (0, 0)", hex("02" + String(repeating: "0", count: 64)), .notOnCurve),
        ("x is 5", hex("02" + String(repeating: "0", count: 63) + "5"), .notOnCurve),
        (
            "x is p - 1", hex("03fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e"),
            .notOnCurve
        ),
    ]

    @Test(arguments: malformed.indices) func malformedKeysAreRefused(index: Int) {
        let (name, bytes, error) = Self.malformed[index]
        #expect(throws: error, "\(name)") { try PublicKey(compressedRepresentation: bytes) }
    }

    @Test func theLibraryAcceptsWhatIsRefusedHere() {
        // The strictness is this module's own: the library parses both long forms.
        for text in ["04" + Self.x + Self.y, "06" + Self.x + Self.y] {
            var storage = secp256k1_pubkey()
            let bytes = hex(text)
            #expect(secp256k1_ec_pubkey_parse(Context.shared.pointer, &storage, bytes, bytes.count) == 1)
        }
    }

    @Test func xOnlyKeysParseAndComeBack() throws {
        let key = try XOnlyPublicKey(rawRepresentation: hex(Self.x))
        #expect(key.evenPublicKey == .generator)
        #expect(key.rawRepresentation == hex(Self.x))
        #expect(key.description == Self.x)
        #expect(try XOnlyPublicKey(hash32(Self.x)) == key)
        #expect(try hex(Self.x).withUnsafeBytes { try XOnlyPublicKey(rawRepresentation: $0) } == key)
        #expect(throws: PublicKeyError.wrongByteCount(expected: 32, found: 31)) {
            try hex(Self.x).dropLast().withUnsafeBytes { try XOnlyPublicKey(rawRepresentation: $0) }
        }
        #expect(throws: PublicKeyError.wrongByteCount(expected: 32, found: 33)) {
            try XOnlyPublicKey(rawRepresentation: hex(generatorHex))
        }
        #expect(throws: PublicKeyError.wrongByteCount(expected: 32, found: 0)) {
            try XOnlyPublicKey(rawRepresentation: [UInt8]())
        }
        #expect(throws: PublicKeyError.coordinateNotBelowFieldSize) { try XOnlyPublicKey(hash32(fieldSizeHex)) }
        #expect(throws: PublicKeyError.notOnCurve) { try XOnlyPublicKey(.zero) }
    }

    @Test func orderIsThatOfTheBytes() throws {
        let seed: UInt64 = 1
        var generator = SeededGenerator(seed: seed)
        let keys = try (0..<200).map { _ in try generator.publicKey() }
        let sorted = keys.sorted()
        let expected = keys.map(\.compressedRepresentation).sorted { $0.lexicographicallyPrecedes($1) }
        #expect(sorted.map(\.compressedRepresentation) == expected, "seed \(seed)")
        for (left, right) in zip(keys, keys.dropFirst()) {
            var storages = (left.storage, right.storage)
            let order = secp256k1_ec_pubkey_cmp(Context.shared.pointer, &storages.0, &storages.1)
            #expect((left < right) == (order < 0), "seed \(seed)")
        }
        #expect(!(keys[0] < keys[0]))
    }

    @Test func equalKeysAreOneElementOfASet() throws {
        var generator = SeededGenerator(seed: 2)
        let key = try generator.publicKey()
        let again = try PublicKey(compressedRepresentation: key.compressedRepresentation)
        #expect(Set([key, again, key.negated]).count == 2)
        #expect(Set([key.xOnly, again.xOnly, key.negated.xOnly]).count == 1)
        let others = try (0..<20).map { _ in try generator.publicKey().xOnly }
        #expect(
            others.sorted().map(\.rawRepresentation)
                == others.map(\.rawRepresentation).sorted { $0.lexicographicallyPrecedes($1) }
        )
    }

    @Test func aBufferThatIsTooShortIsNotWrittenTo() async {
        await #expect(processExitsWith: .failure) {
            withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) {
                PublicKey.generator.writeCompressed(to: $0)
            }
        }
    }
}
