import MuSig2
import Secp256k1

/// What came from one signer. Sorting these sorts keys, nonces and partial signatures alike.
struct Share {
    var key: [UInt8]
    var nonce: [UInt8]
    var partial: [UInt8]
}

/// The keys of the signers of invalid shares.
struct Culprits: Error {
    var keys: [[UInt8]]
}

func combine(_ shares: [Share], _ message: [UInt8]) throws -> SchnorrSignature {
    let shares = shares.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let keys = try KeyAggContext(compressedKeys: shares.map(\.key))
    let nonces = try PublicNonce.parse(shares.map(\.nonce))
    let aggregate = try AggregateNonce(aggregating: nonces)
    let session = try SigningSession(context: keys, aggregateNonce: aggregate, message: message)
    do throws(AggregationError) {
        return try session.aggregate(rawPartials: shares.map(\.partial), publicNonces: nonces)
    } catch {
        guard case .invalidPartialSignatures(let signers) = error else { throw error }
        throw Culprits(keys: signers.map { shares[$0].key })
    }
}

/// Three signers whose shares come in any order, one of them wrong: that one is named, and nobody else.
func blame(_ message: [UInt8]) throws {
    let alice = SecretKey.generate()
    let bob = SecretKey.generate()
    let carol = SecretKey.generate()
    let list = [alice.publicKey, bob.publicKey, carol.publicKey]
    let keys = try KeyAggContext(keys: KeySort.sorted(list))
    let first = try keys.nonce(for: alice, message: message)
    let second = try keys.nonce(for: bob, message: message)
    let third = try keys.nonce(for: carol, message: message)
    let nonces = [first.publicNonce, second.publicNonce, third.publicNonce]
    let session = try SigningSession(
        context: keys, aggregateNonce: try AggregateNonce(aggregating: nonces), message: message)
    let partials = [
        try session.sign(first, with: alice), try session.sign(second, with: bob), try session.sign(third, with: carol),
    ]
    let shares = list.indices.map { index in
        Share(
            key: list[index].compressedRepresentation, nonce: nonces[index].rawRepresentation,
            partial: partials[index].rawRepresentation)
    }
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let arrived = order.map { shares[$0] }
        let signature = try combine(arrived, message)
        precondition(keys.xOnlyKey.isValidSignature(signature, for: message))
        for culprit in arrived.indices {
            var spoilt = arrived
            spoilt[culprit].partial[31] ^= 1
            do {
                _ = try combine(spoilt, message)
                preconditionFailure("a wrong share was taken")
            } catch let culprits as Culprits {
                precondition(culprits.keys == [spoilt[culprit].key], "one share is wrong, and one signer is named")
            }
        }
    }
    do {
        _ = try combine([Share(key: [2], nonce: [], partial: []), Share(key: [3], nonce: [], partial: [])], message)
        preconditionFailure("keys of one byte")
    } catch let error as KeyAggError {
        print(error)
    }
}
