import Secp256k1

let key = SecretKey.generate()
let message = Array("one package alone".utf8)
let signature = try key.schnorrSignature(for: message)
precondition(key.publicKey.xOnly.isValidSignature(signature, for: message))
precondition(!key.publicKey.xOnly.isValidSignature(signature, for: message + [0]))
print("signed and verified under \(key.publicKey)")
