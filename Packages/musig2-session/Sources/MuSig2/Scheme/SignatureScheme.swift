/// Which rules the signatures follow: how keys are weighed, how a nonce becomes R, what the challenge is.
///
/// A value of its own rather than an enum, so that a scheme can be added without a change for callers.
public struct SignatureScheme: Sendable, Hashable, CustomStringConvertible {
    /// The scheme's name in a session's descriptor.
    public let description: String

    /// The rules. Everything that differs between schemes is behind this.
    let rules: any SchemeRules

    init(_ name: String, rules: any SchemeRules) {
        description = name
        self.rules = rules
    }

    /// MuSig2 as in BIP-327, giving BIP-340 signatures.
    public static let bip340 = SignatureScheme("bip340", rules: BIP340Rules())

    /// Two schemes of one name are one.
    public static func == (left: SignatureScheme, right: SignatureScheme) -> Bool {
        left.description == right.description
    }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(description)
    }
}
