@testable import Secp256k1

/// The bytes of a hexadecimal string in a test; anything else in it stops the test run.
func hex(_ text: String) -> [UInt8] {
    let digits = text.map { character -> UInt8 in
        guard let value = character.hexDigitValue else { preconditionFailure("not hexadecimal: \(text)") }
        return UInt8(value)
    }
    precondition(digits.count.isMultiple(of: 2), "an odd number of digits: \(text)")
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

func hash32(_ text: String) -> Hash32 {
    guard let value = Hash32(hex(text)) else { preconditionFailure("not 32 bytes: \(text)") }
    return value
}

func scalar(_ text: String) -> Scalar {
    guard let value = Scalar(canonical: hex(text)) else { preconditionFailure("not a scalar: \(text)") }
    return value
}

func secretKey(_ text: String) throws(SecretKeyError) -> SecretKey {
    try secretKey(hex(text))
}

func secretKey(_ bytes: [UInt8]) throws(SecretKeyError) -> SecretKey {
    try SecretKey(secretBytes(bytes))
}

func secretScalar(_ bytes: [UInt8]) throws(SecretKeyError) -> SecretScalar {
    try SecretScalar(secretBytes(bytes))
}

func secretBytes(_ bytes: [UInt8]) -> SecretBytes {
    var secret = SecretBytes(byteCount: bytes.count)
    secret.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    return secret
}

/// The group order n.
let orderHex = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
/// n - 1.
let orderLessOneHex = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"
/// The field size p.
let fieldSizeHex = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
/// The generator.
let generatorHex = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
