/// What this module takes at most. Everything that comes from other signers has a size fixed by BIP-327 (33, 66 and 32
/// bytes), so that what is left to bound is how many signers there are and how much the caller mixes into a nonce.
public enum MuSig2Limits {
    /// Keys in one aggregate key. BIP-327 sets no limit.
    public static let maximumKeys = 1_000

    /// Bytes of extra input to nonce generation. BIP-327 allows 2³² − 1.
    public static let maximumExtraInputBytes = 65_536
}
