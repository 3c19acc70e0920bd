import Secp256k1

/// The rules of BIP-327, with the signatures of BIP-340.
struct BIP340Rules: SchemeRules {
    private static let keyListHash = TaggedHash("KeyAgg list")
    private static let coefficientHash = TaggedHash("KeyAgg coefficient")
    private static let nonceCoefficientHash = TaggedHash("MuSig/noncecoef")
    private static let challengeHash = TaggedHash("BIP0340/challenge")

    /// KeyAggCoeff: the hash of the list and the key, but 1 for the second distinct key, wherever it stands.
    func coefficients(of keys: [PublicKey]) -> [Scalar] {
        let keyBytes = PublicKey.byteCount
        let list = Self.keyListHash.hash(capacity: keys.count * keyBytes) { buffer in
            var writer = ByteWriter(buffer)
            for key in keys {
                writer.append(key)
            }
            return writer.count
        }
        guard let first = keys.first else { return [] }
        let second = keys.first { $0 != first }
        var coefficients: [Scalar] = []
        coefficients.reserveCapacity(keys.count)
        withUnsafeTemporaryAllocation(byteCount: Hash32.byteCount + keyBytes, alignment: 8) { buffer in
            var prefix = ByteWriter(buffer)
            prefix.append(list)
            for key in keys {
                if key == second {
                    coefficients.append(.one)
                    continue
                }
                var writer = prefix
                writer.append(key)
                coefficients.append(Scalar(reducing: Self.coefficientHash.hash(UnsafeRawBufferPointer(buffer))))
            }
        }
        return coefficients
    }

    func negates(_ aggregateKey: PublicKey, before tweak: Tweak.Kind) -> Bool {
        tweak == .xOnly && !aggregateKey.hasEvenY
    }

    func signsForNegation(of aggregateKey: PublicKey) -> Bool {
        !aggregateKey.hasEvenY
    }

    var tweakingSigner: Int? { nil }

    /// H(`MuSig/noncecoef`, aggregate nonce ‖ x of the aggregate key ‖ message).
    func nonceCoefficient(
        of aggregateNonce: AggregateNonce, aggregateKey: PublicKey, message: [UInt8]
    ) -> Scalar {
        let capacity = AggregateNonce.byteCount + Hash32.byteCount + message.count
        return Scalar(
            reducing: Self.nonceCoefficientHash.hash(capacity: capacity) { buffer in
                var writer = ByteWriter(buffer)
                writer.append(aggregateNonce.first)
                writer.append(aggregateNonce.second)
                writer.append(aggregateKey.x)
                writer.append(message)
                return writer.count
            }
        )
    }

    /// G, so that a signer that makes the sum infinite learns nothing and is found when its partial fails.
    var nonceInPlaceOfInfinity: PublicKey? { .generator }

    func signsForNegation(ofNonce effectiveNonce: PublicKey) -> Bool {
        !effectiveNonce.hasEvenY
    }

    /// H(`BIP0340/challenge`, x of R ‖ x of the aggregate key ‖ message).
    func challenge(effectiveNonce: PublicKey, aggregateKey: PublicKey, message: [UInt8]) -> Scalar {
        let capacity = 2 * Hash32.byteCount + message.count
        return Scalar(
            reducing: Self.challengeHash.hash(capacity: capacity) { buffer in
                var writer = ByteWriter(buffer)
                writer.append(effectiveNonce.x)
                writer.append(aggregateKey.x)
                writer.append(message)
                return writer.count
            }
        )
    }

    func isValid(_ signature: SchnorrSignature, aggregateKey: PublicKey, message: [UInt8]) -> Bool {
        aggregateKey.xOnly.isValidSignature(signature, for: message)
    }
}
