import Testing

@testable import Secp256k1

@Suite("ECDSA")
struct ECDSATests {
    /// The identity signature that libp2p makes: RFC 6979 nonce, low s, DER; the digest is the SHA-256 of
    /// "noise-libp2p-static-key:" and the bytes 00 to 1f. Computed with an independent implementation.
    static let secret = "08f539221a44894a0aa04bccfba8afad0a1464ab9dbb3d708347893ce4dbc6ee"
    static let digest = hash32("b22475ce533fbd11a48b89c286bc1ec111efd72b8733f3674f0a45475325eb72")
    static let der = hex(
        "3044022019dcdf6b191f519b52b2601407984dd22ef99bf872450eda292dfc4efc272ea5"
            + "02205eb5158a833bbc02beb400506e97fe98f6f028b91a78b651cb941c3f4593c35a"
    )

    @Test func signsAsLibp2pDoes() throws {
        let key = try secretKey(Self.secret)
        let signature = try key.ecdsaSignature(forDigest: Self.digest)
        #expect(signature.derRepresentation == Self.der)
        #expect(signature.hasLowS)
        #expect(key.publicKey.isValidSignature(signature, forDigest: Self.digest))
        #expect(try ECDSASignature(derRepresentation: Self.der) == signature)
        #expect(try ECDSASignature(compactRepresentation: signature.compactRepresentation) == signature)
        #expect(signature.description.count == 140)
        #expect(signature.compactRepresentation == Array(Self.der[4..<36] + Self.der[38..<70]))
    }

    @Test func aHighSIsNotValidUntilNormalized() throws {
        let key = try secretKey(Self.secret)
        let low = try key.ecdsaSignature(forDigest: Self.digest)
        let s = try #require(Scalar(canonical: low.s))
        let high = try ECDSASignature(compactRepresentation: low.r.bytes + s.negated.bytes)
        #expect(!high.hasLowS)
        #expect(!key.publicKey.isValidSignature(high, forDigest: Self.digest))
        #expect(high.normalized == low)
        #expect(low.normalized == low)
        #expect(try ECDSASignature(derRepresentation: high.derRepresentation) == high)
    }

    @Test func anotherDigestOrKeyIsNotValid() throws {
        let key = try secretKey(Self.secret)
        let signature = try key.ecdsaSignature(forDigest: Self.digest)
        #expect(!key.publicKey.isValidSignature(signature, forDigest: .zero))
        #expect(!PublicKey.generator.isValidSignature(signature, forDigest: Self.digest))
    }

    static let malformed: [(name: String, bytes: [UInt8])] = [
        ("empty", []),
        ("not a sequence", hex("3144") + der[2...]),
        ("truncated", Array(der.dropLast())),
        ("a byte after the end", der + [0]),
        ("length one too many", hex("3045") + der[2...]),
        ("long form of a short length", hex("308144") + der[2...]),
        ("indefinite length", hex("3080") + der[2...]),
        ("padded r", hex("3045022100") + der[4...]),
        ("negative r", hex("30440220") + [0x99] + der[5...]),
        ("r of no bytes", hex("3024") + hex("0200") + der[36...]),
        ("not an integer", hex("30440320") + der[4...]),
        ("r is n", hex("3045022100" + orderHex) + der[36...]),
        ("s is n", hex("3045") + der[2..<36] + hex("022100" + orderHex)),
        ("one number only", hex("3022") + der[2..<36]),
    ]

    @Test(arguments: malformed.indices) func malformedDERIsRefused(index: Int) {
        let (name, bytes) = Self.malformed[index]
        #expect(throws: SignatureError.malformedDER, "\(name)") { try ECDSASignature(derRepresentation: bytes) }
    }

    @Test func everyTruncationIsRefused() {
        for length in 0..<Self.der.count {
            #expect(throws: SignatureError.malformedDER) {
                try ECDSASignature(derRepresentation: Array(Self.der[..<length]))
            }
        }
    }

    /// Whatever parses is written again as it was: there is one encoding of each signature.
    @Test func aChangedBitGivesAnotherSignatureOrNone() {
        for bit in 0..<Self.der.count * 8 {
            var bytes = Self.der
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            do throws(SignatureError) {
                let signature = try ECDSASignature(derRepresentation: bytes)
                #expect(signature.derRepresentation == bytes, "bit \(bit)")
            } catch {
                #expect(error == .malformedDER, "bit \(bit)")
            }
        }
    }

    @Test func aLongStringIsRefusedUnread() {
        #expect(throws: SignatureError.tooLong(maximum: 72, found: 73)) {
            try ECDSASignature(derRepresentation: [UInt8](repeating: 0x30, count: 73))
        }
        #expect(throws: SignatureError.tooLong(maximum: 72, found: 1 << 20)) {
            try ECDSASignature(derRepresentation: [UInt8](repeating: 0x30, count: 1 << 20))
        }
    }

    /// r and s with all their high bits set take 33 bytes each in DER: 72 bytes in all.
    @Test func theLongestSignatureFits() throws {
        let longest = try ECDSASignature(compactRepresentation: hex(orderLessOneHex + orderLessOneHex))
        #expect(longest.derRepresentation.count == 72)
        #expect(try ECDSASignature(derRepresentation: longest.derRepresentation) == longest)
    }

    @Test func compactFormsAreChecked() {
        #expect(throws: SignatureError.wrongByteCount(expected: 64, found: 63)) {
            try ECDSASignature(compactRepresentation: [UInt8](repeating: 1, count: 63))
        }
        #expect(throws: SignatureError.scalarNotBelowOrder) {
            try ECDSASignature(compactRepresentation: hex(orderHex + orderLessOneHex))
        }
        #expect(throws: SignatureError.scalarNotBelowOrder) {
            try ECDSASignature(compactRepresentation: hex(orderLessOneHex + orderHex))
        }
    }
}
