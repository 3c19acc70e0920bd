import Multiformats
import Testing

@Suite("Peer ids")
struct PeerIDTests {
    @Test(arguments: Libp2pFigures.peers)
    func figures(peer: Libp2pFigures.Peer) throws {
        let key = try PublicKeyProtobuf(bytes: try #require(Hex.decode(peer.key)))
        let id = try PeerID(publicKey: key)
        #expect(Hex.encode(key.bytes) == peer.key)
        #expect(Hex.encode(id.bytes) == peer.id)
        #expect(id.description == peer.base58)
        #expect(id.cid == peer.cid)
        #expect(id.publicKey == key)
        #expect(try PeerID(peer.base58) == id)
        #expect(try PeerID(peer.cid) == id)
        #expect(try PeerID(bytes: id.bytes) == id)
        #expect(try PeerID(publicKey: key, sha256: { _ in [] }) == id)
    }

    /// The same ids as other tools print them; base36 and base58 made with Python's integers.
    @Test(
        arguments: zip(
            Libp2pFigures.peers,
            [
                [
                    "k51qzi5uqu5dlp8tpc1lukj9bh68i9gxpuhd7zmvcyomzevdh9mld9ebcps93a",
                    "z5AanNVJCxnVjeTskezmZcm8hoiPHmzryHzC1g9iyMSDXvM11YPdE93",
                ],
                [
                    "k51qzi5uqu5djr0zfsb9gjq7o67exajs8kw6uzjkp1fskxogfwjka7qiyyvzj1",
                    "z5AanNVJCxnQUAGWLQSAzvZ6i4yipu5SmKuWZTXzwuRGxsUQmS9rFiL",
                ],
                [
                    "kzwfwjn5ji4puw4m531fe2oy3lm9in94osm74gvuizmie0k02wybo3qyeidco21",
                    "zKPJ7QRXxW7mdZFSEMtD347vuNbbpk9DGKoWUUuzpSSkhLp8aLFKeaw2",
                ],
            ]))
    func otherBases(peer: Libp2pFigures.Peer, texts: [String]) throws {
        let id = try PeerID(peer.base58)
        for text in texts { #expect(try PeerID(text) == id) }
        let hex = "0172" + peer.id
        for text in [texts[0], peer.cid, "f" + hex] {
            #expect(try PeerID(text) == id)
            #expect(try PeerID(text.uppercased()) == id)
            // Neither case of letters under the prefix of the other.
            let mixed = text.prefix(1) + text.dropFirst().uppercased()
            #expect(throws: PeerIDError.invalidText) { try PeerID(String(mixed)) }
            #expect(throws: PeerIDError.invalidText) { try PeerID(text.prefix(1).uppercased() + text.dropFirst()) }
        }
    }

    @Test func longKeysAreHashed() throws {
        let key = try PublicKeyProtobuf(type: .rsa, data: [UInt8](repeating: 5, count: 300))
        #expect(key.bytes.prefix(5) == [0x08, 0x00, 0x12, 0xac, 0x02])
        #expect(try PublicKeyProtobuf(bytes: key.bytes) == key)
        #expect(throws: PeerIDError.keyNeedsHash(bytes: 305)) { try PeerID(publicKey: key) }
        let id = try PeerID(publicKey: key) { input in
            #expect(input == key.bytes)
            return [UInt8](repeating: 7, count: 32)
        }
        #expect(id.bytes == [0x12, 0x20] + [UInt8](repeating: 7, count: 32))
        #expect(id.description.hasPrefix("Qm"))
        #expect(id.publicKey == nil)
        #expect(try PeerID(id.description) == id)
        #expect(try PeerID(id.cid) == id)
        #expect(throws: PeerIDError.wrongDigestLength(found: 31)) {
            try PeerID(publicKey: key, sha256: { _ in [UInt8](repeating: 7, count: 31) })
        }
    }

    @Test func inlinedBytesNeedNotBeAKey() throws {
        let id = try PeerID(bytes: [0, 2, 8, 1])
        #expect(id.publicKey == nil)
    }

    @Test(arguments: [
        ([] as [UInt8], PeerIDError.multihash(.varint(.truncated))),
        ([0x00], .multihash(.varint(.truncated))),
        ([0x00, 0x00], .wrongDigestLength(found: 0)),
        ([0x00, 0x02, 0x01], .multihash(.wrongLength(expected: 2, found: 1))),
        ([0x00, 0x01, 0x01, 0x01], .multihash(.wrongLength(expected: 1, found: 2))),
        ([0x00, 0x80, 0x00], .multihash(.varint(.notMinimal))),
        ([0x00, 0x2b] + [UInt8](repeating: 1, count: 43), .wrongDigestLength(found: 43)),
        ([0x00, 0x41] + [UInt8](repeating: 1, count: 65), .multihash(.tooLong(limit: 64))),
        ([0x12, 0x1f] + [UInt8](repeating: 1, count: 31), .wrongDigestLength(found: 31)),
        ([0x13, 0x20] + [UInt8](repeating: 1, count: 32), .unsupportedHash(code: 0x13)),
        ([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], .multihash(.tooLong(limit: 64))),
    ])
    func bytesRefused(bytes: [UInt8], error: PeerIDError) {
        #expect(throws: error) { try PeerID(bytes: bytes) }
    }

    @Test(arguments: [
        ("", PeerIDError.lengthOutOfRange(limit: 128, found: 0)),
        (String(repeating: "1", count: 129), .lengthOutOfRange(limit: 128, found: 129)),
        ("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXw0", .invalidText),
        ("bafz0", .invalidText),
        ("bafybei", .invalidText),
        // A combining mark behind the prefix, which fuse into one `Character`.
        ("b\u{301}" + String(Libp2pFigures.peers[0].cid.dropFirst()), .invalidText),
        ("bafyq", .notAPeerCID),
        ("b", .notAPeerCID),
        ("k", .notAPeerCID),
        ("z", .notAPeerCID),
        ("f0170", .notAPeerCID),
        ("f017", .invalidText),
        ("k51qzi5uqu5-", .invalidText),
        ("z0", .invalidText),
        ("f" + String(repeating: "0", count: 128), .lengthOutOfRange(limit: 128, found: 129)),
        ("hello", .invalidText),
    ])
    func textRefused(text: String, error: PeerIDError) {
        #expect(throws: error) { try PeerID(text) }
    }

    @Test func ordersByBytes() throws {
        let ids = try Libp2pFigures.peers.map { try PeerID($0.base58) }
        #expect(ids.sorted() == [ids[1], ids[0], ids[2]])
    }

    @Test(arguments: [
        ("", KeyProtobufError.truncated),
        ("08", .truncated),
        ("0801", .truncated),
        ("080112", .truncated),
        ("08011220aa", .truncated),
        ("0800120100", nil),
        ("088000120100", .varint(.notMinimal)),
        ("0804120100", .unknownKeyType(4)),
        ("12010008 01", .notCanonical),
        ("0801120100", .wrongLength(.ed25519, expected: 32, found: 1)),
        ("0802120100", .wrongLength(.secp256k1, expected: 33, found: 1)),
        ("08001200", .lengthOutOfRange(limit: 4_096, found: 0)),
        ("0800128120", .lengthOutOfRange(limit: 4_096, found: 4_097)),
        ("080012ffffffffffffffffff01", .lengthOutOfRange(limit: 4_096, found: .max)),
        ("080012010000", .notCanonical),
        ("0800180100", .notCanonical),
    ])
    func keysRefused(hex: String, error: KeyProtobufError?) throws {
        let bytes = try #require(Hex.decode(hex.filter { $0 != " " }))
        if let error {
            #expect(throws: error) { try PublicKeyProtobuf(bytes: bytes) }
        } else {
            #expect(try PublicKeyProtobuf(bytes: bytes).bytes == bytes)
        }
    }

    @Test func privateKeysAreNotPrinted() throws {
        let key = try PrivateKeyProtobuf(type: .ed25519, data: [UInt8](repeating: 0x41, count: 64))
        #expect(key.bytes.prefix(4) == [0x08, 0x01, 0x12, 0x40])
        #expect(try PrivateKeyProtobuf(bytes: key.bytes).data == key.data)
        #expect("\(key)" == "PrivateKeyProtobuf(ed25519, redacted)")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!dumped.contains("65") && !dumped.contains("41"))
    }
}
