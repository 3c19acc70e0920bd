import MuSig2
import MuSig2Session
import Secp256k1

let alice = SecretKey.generate()
let bob = SecretKey.generate()
let keys = try KeyAggContext(keys: KeySort.sorted([alice.publicKey, bob.publicKey]))
let message = Array("one package alone".utf8)

let aliceNonce = try SecretNonce.generate(secretKey: alice, aggregateKey: keys.xOnlyKey, message: message)
let bobNonce = try SecretNonce.generate(secretKey: bob, aggregateKey: keys.xOnlyKey, message: message)
let aggregate = try AggregateNonce(aggregating: [aliceNonce.publicNonce, bobNonce.publicNonce])
let session = try SigningSession(context: keys, aggregateNonce: aggregate, message: message)

let partials = [try session.sign(aliceNonce, with: alice), try session.sign(bobNonce, with: bob)]
let signature = try session.aggregate(partials)
precondition(keys.xOnlyKey.isValidSignature(signature, for: message))
print("two signers, one signature under \(keys.xOnlyKey)")
