import Secp256k1

/// Keys, scalars, hashes, equality and wiping.
let secp256k1Checks: [Check] = [
    Check("secret key: range check, key pair, public key") {
        let key = try Secrets.key(1)
        Secrets.consume(key.publicKey.compressedRepresentation)
    },
    Check("secret key: drawn by the library") {
        let key = try Secrets.drawing(32) { SecretKey.generate() }
        Secrets.consume(key.publicKey.compressedRepresentation)
        let signature = try key.schnorrSignature(for: [1, 2, 3])
        guard key.xOnlyPublicKey.isValidSignature(signature, for: [1, 2, 3]) else { throw Failure("signature") }
    },
    Check("secret key: copy, scalar, constant-time equality") {
        let key = try Secrets.key(1)
        let other = try Secrets.key(2)
        let outcome = [key.isEqual(to: key.copy()), key.isEqual(to: other)]
        guard outcome == [true, false] else { throw Failure("equality: \(outcome)") }
        key.secretScalar().withUnsafeBytes { Secrets.consume($0) }
    },
    Check("secret scalar: range check, reduction") {
        try Secrets.scalar(3).withUnsafeBytes { Secrets.consume($0) }
        try SecretScalar(reducing: Secrets.bytes(4)).withUnsafeBytes { Secrets.consume($0) }
        // n and above, where the reduction has something to take away.
        try SecretScalar(reducing: Secrets.bytesAboveOrder()).withUnsafeBytes { Secrets.consume($0) }
    },
    Check("secret scalar: multiply and add, by public and by secret") {
        var value = try Secrets.scalar(5)
        let other = try Secrets.scalar(6)
        try value.multiply(by: Scalar(0x1234_5678_9ABC_DEF0))
        try value.multiply(by: other)
        try value.add(other)
        try value.add(Scalar(7))
        value.negate()
        value.withUnsafeBytes { Secrets.consume($0) }
    },
    Check("secret scalar: public point") {
        Secrets.consume(try Secrets.scalar(8).publicPoint().compressedRepresentation)
    },
    Check("secret scalar: declassified") {
        Secrets.consume(try Secrets.scalar(9).declassify().bytes)
    },
    Check("own scalar code: add, subtract, negate, multiply, reduce") {
        let left = Secrets.publicLooking(10)
        let right = Secrets.publicLooking(11)
        for result in [left + right, left - right, left * right, left.negated, left * left * right + left] {
            result.withUnsafeBytes { Secrets.consume($0) }
        }
    },
    Check("tagged hash of a secret") {
        let tag = TaggedHash("ctime")
        for count in [0, 1, 32, 55, 56, 64, 65, 200] {
            tag.secretHash(Secrets.bytes(12, count: count)).withUnsafeBytes { Secrets.consume($0) }
        }
    },
    Check("constant-time equality of secret bytes") {
        let secret = Secrets.bytes(13)
        var outcome = [secret.isEqual(to: Secrets.bytes(13))]
        for seed: UInt8 in [14, 0, 255] {
            outcome.append(secret.isEqual(to: Secrets.bytes(seed)))
        }
        guard outcome == [true, false, false, false] else { throw Failure("equality: \(outcome)") }
    },
    Check("wiping at the end of life") {
        for count in [0, 1, 31, 32, 33, 128, 4_096] {
            _ = Secrets.bytes(15, count: count)
        }
        _ = try Secrets.key(16)
        _ = try Secrets.scalar(17)
    },
    // Inside the library both branch on values that it knows to be public and memcheck does not: see memcheck.supp.
    Check("BIP-340 signing") {
        let key = try Secrets.key(18)
        for message in [[], [1, 2, 3], [UInt8](repeating: 4, count: 100)] {
            let signature = try key.schnorrSignature(for: message, auxiliaryRandomness: .zero)
            guard key.xOnlyPublicKey.isValidSignature(signature, for: message) else { throw Failure("signature") }
        }
    },
    Check("ECDSA signing") {
        let key = try Secrets.key(19)
        let signature = try key.ecdsaSignature(forDigest: .zero)
        guard key.publicKey.isValidSignature(signature, forDigest: .zero) else { throw Failure("signature") }
    },
]

/// An operation gave a wrong answer, so its verdict says nothing.
struct Failure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
