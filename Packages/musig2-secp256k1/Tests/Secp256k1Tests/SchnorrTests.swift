import Testing

@testable import Secp256k1

@Suite("Schnorr signatures")
struct SchnorrTests {
    @Test func thereAreNineteenVectors() {
        #expect(bip340Vectors.map(\.index) == Array(0..<19))
        #expect(bip340Vectors.filter { !$0.secretKey.isEmpty }.count == 8)
        #expect(bip340Vectors.filter(\.isValid).count == 9)
    }

    @Test(arguments: bip340Vectors) func vectorsVerify(vector: BIP340Vector) throws {
        let signature = try SchnorrSignature(rawRepresentation: hex(vector.signature))
        switch vector.index {
        case 5:
            #expect(throws: PublicKeyError.notOnCurve) {
                try XOnlyPublicKey(rawRepresentation: hex(vector.publicKey))
            }
        case 14:
            #expect(throws: PublicKeyError.coordinateNotBelowFieldSize) {
                try XOnlyPublicKey(rawRepresentation: hex(vector.publicKey))
            }
        default:
            let key = try XOnlyPublicKey(rawRepresentation: hex(vector.publicKey))
            #expect(key.isValidSignature(signature, for: hex(vector.message)) == vector.isValid)
        }
    }

    @Test(arguments: bip340Vectors.filter { !$0.secretKey.isEmpty })
    func vectorsSign(vector: BIP340Vector) throws {
        let key = try secretKey(vector.secretKey)
        #expect(key.xOnlyPublicKey.rawRepresentation == hex(vector.publicKey))
        let signature = try key.schnorrSignature(
            for: hex(vector.message),
            auxiliaryRandomness: hash32(vector.auxiliaryRandomness)
        )
        #expect(signature.rawRepresentation == hex(vector.signature))
        #expect(signature.description == vector.signature)
    }

    @Test func signaturesAreFreshAndVerify() throws {
        let key = SecretKey.generate()
        let message = [UInt8](repeating: 7, count: 1_000)
        let first = try key.schnorrSignature(for: message)
        let second = try key.schnorrSignature(for: message)
        #expect(first != second)
        #expect(key.xOnlyPublicKey.isValidSignature(first, for: message))
        #expect(key.xOnlyPublicKey.isValidSignature(second, for: message))
        let digest = Hash32.random()
        let third = try key.schnorrSignature(for: digest)
        #expect(key.xOnlyPublicKey.isValidSignature(third, for: digest))
        #expect(key.xOnlyPublicKey.isValidSignature(third, for: digest.bytes))
        #expect(!key.xOnlyPublicKey.isValidSignature(third, for: message))
    }

    @Test func anyChangedBitIsNoticed() throws {
        let key = try secretKey("b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef")
        let message = hex("0102")
        let signature = try key.schnorrSignature(for: message, auxiliaryRandomness: .zero)
        for bit in 0..<512 {
            var bytes = signature.rawRepresentation
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let changed = try SchnorrSignature(rawRepresentation: bytes)
            #expect(!key.xOnlyPublicKey.isValidSignature(changed, for: message), "bit \(bit)")
        }
        for bit in 0..<16 {
            var changed = message
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!key.xOnlyPublicKey.isValidSignature(signature, for: changed), "bit \(bit)")
        }
    }

    @Test(arguments: [0, 63, 65]) func signaturesOfAnotherLengthAreRefused(count: Int) {
        #expect(throws: SignatureError.wrongByteCount(expected: 64, found: count)) {
            try SchnorrSignature(rawRepresentation: [UInt8](repeating: 1, count: count))
        }
        #expect(throws: SignatureError.wrongByteCount(expected: 64, found: count)) {
            try [UInt8](repeating: 1, count: count).withUnsafeBytes { try SchnorrSignature(rawRepresentation: $0) }
        }
    }
}
