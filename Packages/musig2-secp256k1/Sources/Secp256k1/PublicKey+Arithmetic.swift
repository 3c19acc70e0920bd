import CSecp256k1

// Everything here runs in variable time: for public points and public scalars only.

extension PublicKey {
    /// The point with the same x coordinate and the other y coordinate.
    public var negated: PublicKey {
        var storage = self.storage
        // Returns 1 always.
        _ = secp256k1_ec_pubkey_negate(Context.shared.pointer, &storage)
        return PublicKey(storage: storage, xCoordinate: self.xCoordinate, prefix: self.prefix ^ 1)
    }

    /// This point times a public scalar. Variable time: never for secrets.
    /// - Returns: Infinity for the scalar 0.
    public func multiplied(by factor: Scalar) -> Point {
        guard !factor.isZero else { return .infinity }
        var storage = self.storage
        let done = factor.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer { secp256k1_ec_pubkey_tweak_mul(Context.shared.pointer, &storage, $0) }
        }
        // The library refuses only a factor of 0 or one not below n, which a Scalar never is.
        return done == 1 ? .point(PublicKey(storage)) : .infinity
    }

    /// This point plus a public multiple of the generator. Variable time: never for secrets.
    /// - Returns: Infinity when the two cancel, and for nothing else.
    public func addingGenerator(times factor: Scalar) -> Point {
        var storage = self.storage
        let done = factor.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer { secp256k1_ec_pubkey_tweak_add(Context.shared.pointer, &storage, $0) }
        }
        // A factor that is not below n is the library's other reason to refuse; a Scalar always is.
        return done == 1 ? .point(PublicKey(storage)) : .infinity
    }

    /// The sum of two points.
    public static func + (left: PublicKey, right: PublicKey) -> Point {
        Point.sum(of: CollectionOfOne(left), CollectionOfOne(right))
    }

    /// `generatorFactor * G + pointFactor * self` in one call, about as dear as one multiplication.
    /// Variable time: for public values only.
    ///
    /// The library has no function for it, but recovering an ECDSA key computes `(s / r) * R - (m / r) * G` for the
    /// point R with the x coordinate r: with R this point, `s = pointFactor * r` and `m = -generatorFactor * r` it is
    /// just that. Where recovery is not possible (a factor of 0, x not below n, a sum at infinity) the two
    /// multiplications are made one after the other.
    public func doubleMultiplied(generatorFactor: Scalar, pointFactor: Scalar) -> Point {
        if let result = doubleMultipliedByRecovery(generatorFactor: generatorFactor, pointFactor: pointFactor) {
            return .point(result)
        }
        return multiplied(by: pointFactor).addingGenerator(times: generatorFactor)
    }

    /// - Returns: nil where recovery has no answer.
    func doubleMultipliedByRecovery(generatorFactor: Scalar, pointFactor: Scalar) -> PublicKey? {
        guard let r = Scalar(canonical: xCoordinate), !pointFactor.isZero else { return nil }
        let rs = SchnorrSignature(r: xCoordinate, s: (pointFactor * r).hash32)
        let message = (generatorFactor * r).negated
        let context = Context.shared.pointer
        var signature = secp256k1_ecdsa_recoverable_signature()
        let parity = CInt(prefix & 1)
        let parsed = rs.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer {
                secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, $0, parity)
            }
        }
        guard parsed == 1 else { return nil }
        var storage = secp256k1_pubkey()
        let recovered = message.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer { secp256k1_ecdsa_recover(context, &storage, &signature, $0) }
        }
        return recovered == 1 ? PublicKey(storage) : nil
    }
}
