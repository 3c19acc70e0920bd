public import Secp256k1

/// The order of keys that makes the aggregate key independent of the order in which they are listed (BIP-327, KeySort).
public enum KeySort {
    /// Keys in the byte order of their 33-byte compressed forms; equal ones stay side by side.
    ///
    /// - Parameter keys: Keys in any order.
    /// - Returns: The same keys, sorted.
    public static func sorted(_ keys: [PublicKey]) -> [PublicKey] {
        keys.sorted()
    }

    /// Whether keys stand in that order already.
    ///
    /// - Parameter keys: Keys in any order.
    /// - Returns: Whether no key is greater than the next.
    public static func isSorted(_ keys: [PublicKey]) -> Bool {
        zip(keys, keys.dropFirst()).allSatisfy { $0 <= $1 }
    }
}
