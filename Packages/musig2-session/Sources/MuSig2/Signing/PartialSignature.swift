public import Secp256k1

/// A signer's share of a signature: a number s below the order of the group, 32 bytes (BIP-327, Sign).
///
/// That it can be decoded says nothing about whether it is right: the signature that the shares add up to is always
/// verified by ``SigningSession/aggregate(_:publicNonces:)``, a single share by
/// ``SigningSession/isValid(_:publicNonce:signer:)``.
public struct PartialSignature: Sendable, Hashable, CustomStringConvertible {
    /// How many bytes a partial signature has.
    public static let byteCount = Scalar.byteCount

    /// The number s.
    public let scalar: Scalar

    /// A partial signature of a number.
    ///
    /// - Parameter scalar: The number s; zero is allowed.
    public init(_ scalar: Scalar) {
        self.scalar = scalar
    }

    /// A partial signature from its bytes.
    ///
    /// - Parameter bytes: 32 bytes, a number below the order of the group, big-endian.
    /// - Throws: ``ContributionError``.
    public init(rawRepresentation bytes: [UInt8]) throws(ContributionError) {
        guard bytes.count == Self.byteCount else {
            throw .wrongLength(expected: Self.byteCount, found: bytes.count)
        }
        guard let scalar = Scalar(canonical: bytes) else { throw .scalarNotBelowOrder }
        self.scalar = scalar
    }

    /// The partial signatures of all signers, from bytes that came from elsewhere.
    ///
    /// - Parameter rawPartials: The 32 bytes of each signer's partial signature, in the order of the signers.
    /// - Returns: The partial signatures, in the same order.
    /// - Throws: ``InvalidContribution``, which names the first signer with a partial signature that cannot be decoded.
    public static func parse(_ rawPartials: [[UInt8]]) throws(InvalidContribution) -> [PartialSignature] {
        var partials: [PartialSignature] = []
        partials.reserveCapacity(rawPartials.count)
        for (signer, bytes) in rawPartials.enumerated() {
            do throws(ContributionError) {
                partials.append(try PartialSignature(rawRepresentation: bytes))
            } catch {
                throw InvalidContribution(signer: signer, contribution: .partialSignature, reason: error)
            }
        }
        return partials
    }

    /// The 32 bytes.
    public var rawRepresentation: [UInt8] {
        scalar.bytes
    }

    /// The 32 bytes in hexadecimal.
    public var description: String {
        "\(scalar)"
    }
}
