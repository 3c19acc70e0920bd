public import Secp256k1

/// The sum of all signers' public nonces: two points, each of which may be the point at infinity; 66 bytes (BIP-327,
/// NonceAgg).
public struct AggregateNonce: Sendable, Hashable, CustomStringConvertible {
    /// How many bytes an aggregate nonce has.
    public static let byteCount = NonceHalves.byteCount

    /// The sum of the first halves.
    public let first: Point

    /// The sum of the second halves.
    public let second: Point

    init(first: Point, second: Point) {
        self.first = first
        self.second = second
    }

    /// Adds up public nonces (NonceAgg). The order does not matter.
    ///
    /// A half of the sum may be the point at infinity: then a signer chose its nonce by the others', and which one is
    /// found only when its partial signature fails.
    ///
    /// - Parameter nonces: The public nonces of all signers.
    /// - Throws: ``NonceAggError`` if there are none, or more than ``MuSig2Limits/maximumKeys``.
    public init(aggregating nonces: [PublicNonce]) throws(NonceAggError) {
        guard !nonces.isEmpty else { throw .noNonces }
        guard nonces.count <= MuSig2Limits.maximumKeys else {
            throw .tooManyNonces(limit: MuSig2Limits.maximumKeys, found: nonces.count)
        }
        self.init(unchecked: nonces)
    }

    /// The sum of nonces, as many as the caller knows to be within limits.
    init(unchecked nonces: [PublicNonce]) {
        first = Point.sum(of: nonces.map { $0.first })
        second = Point.sum(of: nonces.map { $0.second })
    }

    /// Adds up public nonces that came from elsewhere, and names the signer of one that is not a nonce. To keep the nonces, so that nothing
    /// is parsed twice, use ``PublicNonce/parse(_:)``.
    ///
    /// - Parameter rawNonces: The 66 bytes of each signer's public nonce, in the order of the signers.
    /// - Throws: ``NonceAggError``; `invalidContribution` names the first signer with a nonce that cannot be decoded.
    public init(aggregating rawNonces: [[UInt8]]) throws(NonceAggError) {
        guard rawNonces.count <= MuSig2Limits.maximumKeys else {
            throw .tooManyNonces(limit: MuSig2Limits.maximumKeys, found: rawNonces.count)
        }
        let nonces: [PublicNonce]
        do throws(InvalidContribution) {
            nonces = try PublicNonce.parse(rawNonces)
        } catch {
            throw .invalidContribution(error)
        }
        try self.init(aggregating: nonces)
    }

    /// An aggregate nonce that somebody else added up.
    ///
    /// - Parameter bytes: 66 bytes: two points in compressed form, 33 zero bytes for the point at infinity.
    /// - Throws: ``InvalidContribution`` with ``Contribution/aggregateNonce`` and no signer: it blames the aggregator.
    public init(rawRepresentation bytes: [UInt8]) throws(InvalidContribution) {
        do throws(ContributionError) {
            let halves = try NonceHalves.read(bytes) { (half) throws(PublicKeyError) in
                try Point(extendedRepresentation: half)
            }
            self.init(first: halves.first, second: halves.second)
        } catch {
            throw InvalidContribution(signer: nil, contribution: .aggregateNonce, reason: error)
        }
    }

    /// The 66 bytes.
    public var rawRepresentation: [UInt8] {
        NonceHalves.bytes(first, second)
    }

    /// Whether a half is the point at infinity, which happens only where a signer meant it to.
    public var hasInfiniteHalf: Bool {
        first.isInfinity || second.isInfinity
    }

    /// The two halves in hexadecimal.
    public var description: String {
        "\(first)‖\(second)"
    }

    /// R₁ + b·R₂.
    func effective(_ nonceCoefficient: Scalar) -> Point {
        second.multiplied(by: nonceCoefficient) + first
    }
}

/// Why public nonces cannot be added up.
public enum NonceAggError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no nonce.
    case noNonces
    /// There are more nonces than ``MuSig2Limits/maximumKeys``.
    case tooManyNonces(limit: Int, found: Int)
    /// A signer's nonce cannot be decoded.
    case invalidContribution(InvalidContribution)

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .noNonces: "public nonces: expected at least 1, found none"
        case .tooManyNonces(let limit, let found): "public nonces: expected at most \(limit), found \(found)"
        case .invalidContribution(let contribution): "\(contribution)"
        }
    }
}
