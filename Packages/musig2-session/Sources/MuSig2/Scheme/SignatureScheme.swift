/// Which rules the signatures follow: how keys are weighed, how a nonce becomes R, what the challenge is.
///
/// A value of its own rather than an enum, so that a scheme can be added without a change for callers.
public struct SignatureScheme: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Sendable, Hashable {
        case bip340
    }

    private let kind: Kind

    /// MuSig2 as in BIP-327, giving BIP-340 signatures.
    public static let bip340 = SignatureScheme(kind: .bip340)

    /// The scheme's name in a session's descriptor.
    public var description: String {
        switch self.kind {
        case .bip340: "bip340"
        }
    }

    /// The rules. Everything that differs between schemes is behind this.
    internal var rules: any SchemeRules {
        switch self.kind {
        case .bip340: BIP340Rules()
        }
    }
}
