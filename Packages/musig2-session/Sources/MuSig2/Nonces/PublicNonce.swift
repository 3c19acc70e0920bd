import Secp256k1

/// A signer's public nonce: two points, 66 bytes (BIP-327, NonceGen).
///
/// Both points are parsed and checked when the value is made, so that nothing in a session parses them again.
public struct PublicNonce: Sendable, Hashable, CustomStringConvertible {
    /// How many bytes a public nonce has.
    public static let byteCount = NonceHalves.byteCount

    let first: PublicKey
    let second: PublicKey

    init(first: PublicKey, second: PublicKey) {
        self.first = first
        self.second = second
    }

    /// A public nonce from its bytes. A half that is the point at infinity is refused: a signer that draws nonces as
    /// BIP-327 says does not get one.
    ///
    /// - Parameter bytes: 66 bytes, two points in compressed form.
    /// - Throws: ``ContributionError``.
    public init(rawRepresentation bytes: [UInt8]) throws(ContributionError) {
        let halves = try NonceHalves.read(bytes) { (half) throws(PublicKeyError) in
            try PublicKey(compressedRepresentation: half)
        }
        self.init(first: halves.first, second: halves.second)
    }

    /// The public nonces of all signers, from bytes that came from elsewhere.
    ///
    /// - Parameter rawNonces: The 66 bytes of each signer's public nonce, in the order of the signers.
    /// - Returns: The nonces, in the same order.
    /// - Throws: ``InvalidContribution``, which names the first signer with a nonce that cannot be decoded.
    public static func parse(_ rawNonces: [[UInt8]]) throws(InvalidContribution) -> [PublicNonce] {
        var nonces: [PublicNonce] = []
        nonces.reserveCapacity(rawNonces.count)
        for (signer, bytes) in rawNonces.enumerated() {
            do throws(ContributionError) {
                nonces.append(try PublicNonce(rawRepresentation: bytes))
            } catch {
                throw InvalidContribution(signer: signer, contribution: .publicNonce, reason: error)
            }
        }
        return nonces
    }

    /// The 66 bytes.
    public var rawRepresentation: [UInt8] {
        NonceHalves.bytes(.point(first), .point(second))
    }

    /// The 66 bytes in hexadecimal.
    public var description: String {
        "\(first)\(second)"
    }

    /// R₁ + b·R₂, the point that a signer's partial signature is held against.
    func effective(_ nonceCoefficient: Scalar) -> Point {
        second.multiplied(by: nonceCoefficient) + .point(first)
    }
}
