import Secp256k1

let protection = SecretMemory.protect()
if !protection.isLocked { print("\(protection)") }

let key = SecretKey.generate()
let message = Array("pay 21 coins".utf8)
let signature = try key.schnorrSignature(for: message)

let publicKey = try XOnlyPublicKey(rawRepresentation: key.xOnlyPublicKey.rawRepresentation)
print(publicKey.isValidSignature(signature, for: message))  // true
print(signature)  // 128 hexadecimal digits
precondition(protection.byteCount > 0)
precondition(publicKey.isValidSignature(signature, for: message))
precondition(!publicKey.isValidSignature(signature, for: message + [0]))
precondition("\(signature)".count == 128)

let stored: [UInt8] = Array(repeating: 7, count: 32)
let restored = try SecretKey(copying: stored.span.bytes)
print(restored.publicKey)  // 66 hexadecimal digits
precondition("\(restored.publicKey)".count == 66)

let twice = Point.sum(of: [PublicKey.generator, PublicKey.generator])
print(twice == Point.generator(times: Scalar(2)))  // true
print(Point.generator(times: .zero))  // infinity
precondition(twice == Point.generator(times: Scalar(2)))
precondition("\(Point.generator(times: .zero))" == "infinity")

var scalar = key.secretScalar()
try scalar.multiply(by: Scalar(3))
let point = try scalar.publicPoint()
print(Point.point(point) == key.publicKey.multiplied(by: Scalar(3)))  // true
precondition(Point.point(point) == key.publicKey.multiplied(by: Scalar(3)))
print("signed and verified under \(key.publicKey)")
