/// The bounds that the decoders of this module keep, in one place.
///
/// They are far above every legal value that libp2p uses, and small enough that no input costs more than a few microseconds.
public enum FormatLimits {
    /// The longest multihash digest, in bytes.
    public static let digestBytes = 64
    /// The longest public key data inside a `PublicKey` message, in bytes; an RSA-4096 key in PKIX form has 550.
    public static let publicKeyBytes = 4_096
    /// The longest private key data inside a `PrivateKey` message, in bytes; an RSA-4096 key has about 2,400.
    public static let privateKeyBytes = 8_192
    /// The longest text of a peer id, in characters (decoding base58 costs the square of the length).
    public static let peerIDCharacters = 128
    /// The longest binary multiaddr, in bytes.
    public static let multiaddrBytes = 1_024
    /// The longest text of a multiaddr, in bytes of UTF-8.
    public static let multiaddrTextBytes = 4_096
    /// The most components in a multiaddr.
    public static let multiaddrComponents = 24
    /// The longest DNS name, in bytes.
    public static let dnsNameBytes = 253
}
