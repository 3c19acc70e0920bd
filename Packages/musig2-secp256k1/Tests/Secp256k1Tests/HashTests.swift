import Testing

@testable import Secp256k1

@Suite("Hashes")
struct HashTests {
    /// SHA256(SHA256("BIP0340/challenge") ‖ SHA256("BIP0340/challenge") ‖ message), computed with Python's hashlib.
    static let expected: [(message: [UInt8], hash: String)] = [
        ([], "c216d352f5818b7b4beacd4ae0a26fe888080823d2a598856661bcd54f1b3713"),
        (Array("abc".utf8), "770a5b7e7c304bbcc3ea107343ff951dd404312ef418db0c3b94e2ebfbb50087"),
        ([UInt8](repeating: 0x42, count: 1_000), "f7bfa074211fd7a01455e69960aa1f471c316d6001c81f6a7c117a190cbf93be"),
    ]

    @Test(arguments: expected.indices) func taggedHashesAreThoseOfTheirDefinition(index: Int) {
        let (message, expected) = Self.expected[index]
        let tag = TaggedHash("BIP0340/challenge")
        #expect(tag.hash(message).description == expected)
        #expect(TaggedHash.hash(tag: "BIP0340/challenge", message).description == expected)
        #expect(TaggedHash(tag: Array("BIP0340/challenge".utf8)).hash(message).description == expected)
        let built = tag.hash(capacity: 2_000) { buffer in
            buffer.copyBytes(from: message)
            return message.count
        }
        #expect(built.description == expected)
        #expect(tag.secretHash(secretBytes(message)).withUnsafeBytes { Array($0) } == hex(expected))
    }

    @Test func partsAreJoinedWithNothingBetween() {
        let tag = TaggedHash("t")
        #expect(tag.hash([1, 2], [], [3]) == tag.hash([1, 2, 3]))
        #expect(TaggedHash.hash(tag: "t", [1], [2, 3]) == tag.hash([1, 2, 3]))
    }

    @Test func anotherTagGivesAnotherHash() {
        #expect(TaggedHash("a").hash([1]) != TaggedHash("b").hash([1]))
        #expect(
            TaggedHash("").hash([1]).description == "6db0981aac502e87a0498d169599ceace4c6480a182590d47e82d63b85cb3c72")
    }

    /// A closure that claims to have written more than there is room for, or less than nothing, is held to the room.
    @Test func theLengthOfABuiltMessageIsHeldToItsRoom() {
        let tag = TaggedHash("t")
        let zeros: (UnsafeMutableRawBufferPointer) -> Void = { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        let long = tag.hash(capacity: 4) {
            zeros($0)
            return 100
        }
        #expect(long == tag.hash([0, 0, 0, 0]))
        let negative = tag.hash(capacity: 4) {
            zeros($0)
            return -1
        }
        #expect(negative == tag.hash([UInt8]()))
        #expect(tag.hash(capacity: -1) { $0.count } == tag.hash([UInt8]()))
    }

    @Test func thirtyTwoBytesAndNoOtherNumber() {
        let bytes = Array(UInt8(0)..<32)
        let hash = Hash32(bytes)
        #expect(hash?.bytes == bytes)
        #expect(hash?.description == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        #expect(Hash32(([9] + bytes)[1...]) == hash)
        for count in [0, 31, 33] {
            #expect(Hash32([UInt8](repeating: 0, count: count)) == nil)
        }
    }

    @Test func orderIsThatOfTheBytes() {
        var random = SeededGenerator(seed: 31)
        var hashes = (0..<100).map { _ in random.hash32() }
        // Pairs that differ in one byte each, at every place.
        for index in 0..<32 {
            var bytes = [UInt8](repeating: 7, count: 32)
            bytes[index] = 8
            hashes += Hash32(bytes).map { [$0] } ?? []
        }
        let sorted = hashes.sorted().map(\.bytes)
        #expect(sorted == hashes.map(\.bytes).sorted { $0.lexicographicallyPrecedes($1) })
        #expect(sorted.count == 132)
    }

    @Test func randomValuesDiffer() {
        #expect(Set((0..<100).map { _ in Hash32.random() }).count == 100)
    }

    @Test func randomSecretsAreRandomToTheLastByte() {
        for count in [1, 32, 255, 256, 257, 1_000] {
            // A byte that was not written would be 0 in every one of 8 turns; by chance some is, once in 10^16 runs.
            var seen = [UInt8](repeating: 0, count: count)
            for _ in 0..<8 {
                SecretBytes.random(byteCount: count).withUnsafeBytes { bytes in
                    for index in 0..<count { seen[index] |= bytes[index] }
                }
            }
            #expect(!seen.contains(0), "\(count) bytes")
        }
        #expect(SecretBytes.random(byteCount: 0).count == 0)
        #expect(SecretBytes.random(byteCount: -1).count == 0)
    }

    @Test func secretBytesAreFilledToTheLast() {
        for count in [0, 1, 7, 8, 9, 32, 33] {
            var first = SecretBytes(byteCount: count)
            first.fill(using: SeededGenerator(seed: 5))
            var generator = SeededGenerator(seed: 5)
            let expected = (0..<(count + 7) / 8).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
            #expect(first.count == count)
            #expect(first.withUnsafeBytes { Array($0) } == Array(expected[..<count]))
        }
        #expect(SecretBytes(byteCount: -1).count == 0)
    }
}
