import MuSig2
import Secp256k1

/// Two signers in one place; in real life each has its own process, and sends what is exchanged here.
func signTogether(_ message: [UInt8]) throws -> (key: XOnlyPublicKey, signature: SchnorrSignature) {
    let alice = SecretKey.generate()
    let bob = SecretKey.generate()
    let keys = try KeyAggContext(keys: KeySort.sorted([alice.publicKey, bob.publicKey]))
    var atAlice = try SigningRound(of: message, under: keys, as: alice)
    var atBob = try SigningRound(of: message, under: keys, as: bob)

    // The first round: the public nonces.
    try atAlice.addNonce(atBob.publicNonce.rawRepresentation, of: bob.publicKey)
    try atBob.addNonce(atAlice.publicNonce.rawRepresentation, of: alice.publicKey)

    // The second round: the partial signatures. A signer that has both has the signature.
    let bobs = try atBob.sign(with: bob).rawRepresentation
    try atAlice.addPartialSignature(bobs, of: bob.publicKey)
    _ = try atAlice.sign(with: alice)
    return (keys.xOnlyKey, try atAlice.signature())
}

let (key, signature) = try signTogether(Array("one package alone".utf8))
print("\(signature) is valid under \(key)")

// The other files of this folder.
precondition(key.isValidSignature(signature, for: Array("one package alone".utf8)))
try blame(Array("one package alone".utf8))
try waitForAStranger()
