import Crypto

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The running hash, chaining key and cipher key of a `Noise_XX_25519_ChaChaPoly_SHA256` handshake
/// (The Noise Protocol Framework, revision 34, section 5.2).
struct NoiseSymmetricState {
    /// The name is exactly 32 bytes, so it is itself the first hash and chaining key.
    static let protocolName = "Noise_XX_25519_ChaChaPoly_SHA256"

    /// The handshake hash `h`, 32 bytes.
    private(set) var hash: [UInt8]
    private var chainingKey: SymmetricKey
    private var key: SymmetricKey?
    private var nonce: UInt64 = 0

    /// Starts with an empty prologue, which is mixed in all the same.
    init() {
        hash = Array(Self.protocolName.utf8)
        chainingKey = SymmetricKey(data: hash)
        mixHash([])
    }

    mutating func mixHash(_ data: [UInt8]) {
        var hasher = SHA256()
        hasher.update(data: hash)
        hasher.update(data: data)
        hash = Array(hasher.finalize())
    }

    mutating func mixKey(_ secret: SharedSecret) {
        let (chainingKey, key) = derive(secret.withUnsafeBytes { SymmetricKey(data: $0) })
        self.chainingKey = chainingKey
        self.key = key
        nonce = 0
    }

    mutating func encryptAndHash(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard let key = self.key else {
            mixHash(plaintext)
            return plaintext
        }
        let sealed: ChaChaPoly.SealedBox
        do {
            sealed = try ChaChaPoly.seal(
                plaintext, using: key, nonce: NoiseNonce.make(self.nonce), authenticating: hash)
        } catch {
            throw .authenticationFailed(message: "handshake encryption")
        }
        self.nonce += 1
        let ciphertext = Array(sealed.combined.dropFirst(NoiseNonce.byteCount))
        mixHash(ciphertext)
        return ciphertext
    }

    /// The `message` is the number of the handshake message, for the error.
    mutating func decryptAndHash(_ ciphertext: [UInt8], message: Int) throws(NoiseError) -> [UInt8] {
        guard let key = self.key else {
            mixHash(ciphertext)
            return ciphertext
        }
        let plaintext: Data
        do {
            let box = try ChaChaPoly.SealedBox(combined: NoiseNonce.bytes(nonce) + ciphertext)
            plaintext = try ChaChaPoly.open(box, using: key, authenticating: hash)
        } catch {
            throw .authenticationFailed(message: "handshake message \(message)")
        }
        nonce += 1
        mixHash(ciphertext)
        return Array(plaintext)
    }

    /// The two keys of the transport phase: the initiator sends with the first and receives with the second.
    func split() -> (initiatorToResponder: SymmetricKey, responderToInitiator: SymmetricKey) {
        derive(SymmetricKey(data: [UInt8]()))
    }

    /// HKDF of Noise (section 4.3) with two outputs: HMAC-SHA256, no salt and no info beyond the counter byte.
    private func derive(_ input: SymmetricKey) -> (SymmetricKey, SymmetricKey) {
        let temporary = input.withUnsafeBytes {
            SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: $0, using: chainingKey))
        }
        let first = HMAC<SHA256>.authenticationCode(for: [1], using: temporary)
        var second = HMAC<SHA256>(key: temporary)
        first.withUnsafeBytes { second.update(data: $0) }
        second.update(data: [2])
        return (SymmetricKey(data: first), SymmetricKey(data: second.finalize()))
    }
}
