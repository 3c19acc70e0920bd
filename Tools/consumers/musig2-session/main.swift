import MuSig2
import MuSig2Session
import Secp256k1

/// A function, since signing consumes a nonce, and a global variable cannot be consumed.
func signTogether(_ message: [UInt8]) throws -> (key: XOnlyPublicKey, signature: SchnorrSignature) {
    let alice = SecretKey.generate()
    let bob = SecretKey.generate()
    let keys = try KeyAggContext(keys: KeySort.sorted([alice.publicKey, bob.publicKey]))

    let aliceNonce = try SecretNonce.generate(secretKey: alice, aggregateKey: keys.xOnlyKey, message: message)
    let bobNonce = try SecretNonce.generate(secretKey: bob, aggregateKey: keys.xOnlyKey, message: message)
    let aggregate = try AggregateNonce(aggregating: [aliceNonce.publicNonce, bobNonce.publicNonce])
    let session = try SigningSession(context: keys, aggregateNonce: aggregate, message: message)

    // The sum does not depend on the order, but blame would.
    let partials = [try session.sign(aliceNonce, with: alice), try session.sign(bobNonce, with: bob)]
    return (keys.xOnlyKey, try session.aggregate(partials))
}

let message = Array("one package alone".utf8)
let result = try signTogether(message)
precondition(result.key.isValidSignature(result.signature, for: message))
let plan = SessionPlan(signerKeys: [], messages: [message], creator: 0)
precondition(plan.messages == [message])
print("two signers, one signature under \(result.key)")
