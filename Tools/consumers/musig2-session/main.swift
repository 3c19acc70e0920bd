import MuSig2
import Secp256k1

/// One signer. It keeps its secret nonce from the first round to the second, and has none afterwards.
struct Signer: ~Copyable {
    struct NoNonce: Error {}

    let key = SecretKey.generate()
    private var nonce: SecretNonce?

    /// The first round: what this signer sends to the others.
    mutating func drawNonce(for message: [UInt8], _ keys: KeyAggContext) throws -> PublicNonce {
        let drawn = try SecretNonce.generate(secretKey: key, aggregateKey: keys.xOnlyKey, message: message)
        let publicNonce = drawn.publicNonce
        nonce = consume drawn
        return publicNonce
    }

    /// The second round, when the nonces of all are there. The nonce is taken out: a second call finds none.
    mutating func sign(_ session: SigningSession) throws -> PartialSignature {
        guard let nonce = nonce.take() else { throw NoNonce() }
        return try session.sign(nonce, with: key)
    }
}

/// A function, since no code at the top of a file can give a noncopyable value away.
func signTogether(_ message: [UInt8]) throws -> (key: XOnlyPublicKey, signature: SchnorrSignature) {
    var alice = Signer()
    var bob = Signer()
    let keys = try KeyAggContext(keys: KeySort.sorted([alice.key.publicKey, bob.key.publicKey]))

    let nonces = [
        alice.key.publicKey: try alice.drawNonce(for: message, keys),
        bob.key.publicKey: try bob.drawNonce(for: message, keys),
    ]
    let aggregate = try AggregateNonce(aggregating: Array(nonces.values))
    let session = try SigningSession(context: keys, aggregateNonce: aggregate, message: message)
    let partials = [alice.key.publicKey: try alice.sign(session), bob.key.publicKey: try bob.sign(session)]

    // In the order of the sorted keys, whoever came first: an error names a signer by its place there.
    let signature = try session.aggregate(
        keys.keys.compactMap { partials[$0] }, publicNonces: keys.keys.compactMap { nonces[$0] })
    return (keys.xOnlyKey, signature)
}

let (key, signature) = try signTogether(Array("one package alone".utf8))
print("\(signature) is valid under \(key)")

// The other files of this folder.
precondition(key.isValidSignature(signature, for: Array("one package alone".utf8)))
try blame(Array("one package alone".utf8))
try waitForAStranger()
