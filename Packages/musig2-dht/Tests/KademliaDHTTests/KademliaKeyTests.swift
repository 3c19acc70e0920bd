import KademliaSimulation
import Multiformats
import Testing

@testable import KademliaDHT

@Suite("Keys and distances")
struct KademliaKeyTests {
    /// FIPS 180-4 examples: the tests' hash is the real one.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func sha256(text: String, digest: String) {
        #expect(SHA256.hash(Array(text.utf8)).hex == digest)
    }

    /// Seen from go-libp2p: the place of a peer id.
    @Test func placeOfAPeer() throws {
        let peer = try PeerID("12D3KooWKT9Bdbvj7zEA7B9eh9Sw5Tbi7eszrTE2vP4QAwsJTZWk")
        let key = KademliaKey(digest: SHA256.hash(peer.bytes))
        #expect(key.bytes.hex == "af6bde00c4c2cd56bd97a7b0b41ce1b26a5e0934b09f6346be05a946bd14ed68")
    }

    @Test func distanceAndPrefix() {
        let zero = KademliaKey(digest: [])
        #expect(zero.leadingZeroBitCount == 256)
        #expect(zero.bytes == [UInt8](repeating: 0, count: 32))
        for bit in 0..<256 {
            var bytes = [UInt8](repeating: 0, count: 32)
            bytes[bit / 8] = 0x80 >> UInt8(bit % 8)
            let key = KademliaKey(digest: bytes)
            #expect(key.leadingZeroBitCount == bit)
            #expect((key ^ zero) == key && (key ^ key) == zero)
            #expect(zero < key && !(key < zero))
            for other in 0..<256 { #expect(key.bit(other) == (other == bit)) }
        }
    }

    @Test func orderIsThatOfTheBytes() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<1_000 {
            var (left, right) = (generator.bytes(32), generator.bytes(32))
            let shared = Int.random(in: 0...32, using: &generator)
            right.replaceSubrange(..<shared, with: left[..<shared])
            if Bool.random(using: &generator) { swap(&left, &right) }
            #expect((KademliaKey(digest: left) < KademliaKey(digest: right)) == left.lexicographicallyPrecedes(right))
        }
    }

    @Test func shortAndLongDigests() {
        #expect(KademliaKey(digest: [1]).bytes == [1] + [UInt8](repeating: 0, count: 31))
        #expect(KademliaKey(digest: [UInt8](repeating: 9, count: 40)).bytes == [UInt8](repeating: 9, count: 32))
    }
}

extension [UInt8] {
    var hex: String {
        map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
