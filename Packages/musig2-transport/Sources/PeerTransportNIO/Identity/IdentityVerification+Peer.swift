import Crypto
public import Multiformats

extension IdentityVerification {
    /// Whether a peer id was made of a public key.
    ///
    /// - Parameters:
    ///   - key: A public key of any type.
    ///   - peer: The peer id.
    /// - Returns: Whether the id inlines the key or is its hash.
    public static func isKey(_ key: PublicKeyProtobuf, of peer: PeerID) -> Bool {
        do throws(PeerIDError) {
            return try PeerID(publicKey: key, sha256: { Array(SHA256.hash(data: $0)) }) == peer
        } catch {
            return false
        }
    }
}
