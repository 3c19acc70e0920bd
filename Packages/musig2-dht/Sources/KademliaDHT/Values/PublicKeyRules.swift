import Multiformats

/// The rules of `/pk/`: under `/pk/<peer id bytes>` stands that peer's `PublicKey` message. There is one valid value, and
/// none is better.
public struct PublicKeyRules: RecordRules {
    private let hash: Kademlia.Hash

    /// Makes the rules.
    ///
    /// - Parameter hash: SHA-256, for the ids of long keys.
    public init(hash: @escaping Kademlia.Hash) {
        self.hash = hash
    }

    /// Whether the value is the public key that the peer id in the key stands for.
    public func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool {
        let prefix = Array("/pk/".utf8)
        guard key.starts(with: prefix) else { return false }
        do {
            let publicKey = try PublicKeyProtobuf(bytes: value)
            let peer = try PeerID(publicKey: publicKey, sha256: hash)
            // The id covers these very bytes: another encoding of the same key is not valid.
            return publicKey.bytes == value && peer.bytes == Array(key.dropFirst(prefix.count))
        } catch {
            return false
        }
    }

    /// Never.
    public func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool { false }
}
