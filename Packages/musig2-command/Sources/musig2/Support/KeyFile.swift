import Foundation
import PeerNode
import PeerTransport
import Secp256k1

/// The signer's secret key in a file that its owner alone may read: 64 hexadecimal digits and a newline, or an
/// ``EncryptedKey``.
enum KeyFile {
    /// What such a file holds.
    enum Content: ~Copyable {
        /// The key as it is.
        case plain(SecretKey)
        /// The key, which a passphrase opens.
        case encrypted(EncryptedKey)

        /// The public key, which no passphrase is needed for.
        var publicKey: PublicKey {
            switch self {
            case .plain(let key): key.publicKey
            case .encrypted(let key): key.publicKey
            }
        }

        /// Whether a passphrase is needed to sign.
        var isEncrypted: Bool {
            switch self {
            case .plain: false
            case .encrypted: true
            }
        }

        fileprivate borrowing func text() -> SecretBytes {
            switch self {
            case .plain(let key):
                let digits = key.withUnsafeBytes { SecretHex.encode($0) }
                var line = SecretBytes(byteCount: digits.count + 1)
                line.withUnsafeMutableBytes { line in
                    digits.withUnsafeBytes { line.copyMemory(from: $0) }
                    line[digits.count] = UInt8(ascii: "\n")
                }
                return line
            case .encrypted(let key):
                return Array(key.text.utf8).span.withUnsafeBytes { SecretBytes(copying: $0) }
            }
        }
    }
}

extension KeyFile {
    /// What encrypts a key, in the words of the command line.
    static func encrypted(_ key: borrowing SecretKey, _ passphrase: KeyPassphrase.Given) throws(Failure) -> Content {
        defer { passphrase.end() }
        let encrypted: EncryptedKey
        do throws(EncryptedKeyError) {
            encrypted = try EncryptedKey(key, passphrase: passphrase.text)
        } catch {
            throw Failure(.failure, "cannot encrypt the key: \(error)")
        }
        try passphrase.throwIfInterrupted()
        return .encrypted(encrypted)
    }

    /// Fails if there is a file already: before a person is asked for anything.
    static func refuseToOverwrite(_ path: String) throws(Failure) {
        if access(path, F_OK) == 0 { throw exists(path) }
    }

    private static func exists(_ path: String) -> Failure {
        Failure(
            .file, "there is a key already: \(path)",
            hint: "Show it with `musig2 key show`, or name another folder with --home.")
    }

    /// Writes a new key.
    ///
    /// - Throws: ``Failure`` if there is a file already, or it cannot be written. An existing key is never overwritten.
    static func create(at path: String, _ content: borrowing Content) throws(Failure) {
        let isNew: Bool
        do throws(TransportError) {
            isNew = try file(at: path).create(content.text())
        } catch {
            throw Failure.file(error)
        }
        guard isNew else { throw exists(path) }
    }

    /// Writes the key in another form. At every moment, also after a power cut, the file is the old one or the new one.
    ///
    /// - Throws: ``Failure`` if it cannot be written; the old file is there then.
    static func replace(at path: String, _ content: borrowing Content) throws(Failure) {
        do throws(TransportError) {
            try file(at: path).replace(content.text())
        } catch {
            throw Failure.file(error)
        }
    }

    private static func file(at path: String) -> PrivateFile {
        PrivateFile(path: path, kind: "key file", exposure: "read the key", maximumBytes: EncryptedKey.maximumBytes)
    }

    /// Reads a key; one that is encrypted needs a passphrase, which the person is asked for, or a file holds.
    ///
    /// - Throws: ``Failure`` if there is no such file, others may read it, it holds no key, or the passphrase is wrong.
    static func read(at path: String) async throws(Failure) -> SecretKey {
        try await unlock(try load(at: path), path)
    }

    /// The key that a file holds.
    static func unlock(_ content: consuming Content, _ path: String) async throws(Failure) -> SecretKey {
        switch consume content {
        case .plain(let key): return key
        case .encrypted(let encrypted):
            let passphrase = try await KeyPassphrase.existing(for: path)
            defer { passphrase.end() }
            let key: SecretKey
            do throws(EncryptedKeyError) {
                key = try encrypted.open(passphrase.text)
            } catch {
                switch error {
                case .wrongPassphrase:
                    throw Failure(.passphrase, "\(path): \(error)", hint: "Nothing was done. Try again.")
                case .malformed, .cost, .otherKey: throw Failure(.file, "\(path): \(error)", hint: keepHint)
                }
            }
            try passphrase.throwIfInterrupted()
            return key
        }
    }

    private static let keepHint =
        "Keep the file and find out what it is; a new key goes into another folder, with --home."

    /// Reads a file without a passphrase. White space around what it holds is of no matter: editors end lines in their own
    /// ways.
    ///
    /// - Throws: ``Failure`` if there is no such file, it is not a file of this user that others cannot read, or it holds
    ///   no key.
    static func load(at path: String) throws(Failure) -> Content {
        guard let text = try SecretText.read(file(at: path)) else {
            throw Failure(.file, "there is no key at \(path)", hint: "Make one with `musig2 key new`.")
        }
        return try parse(text, path)
    }

    /// Reads the text of a file.
    static func parse(_ text: SecretText, _ path: String) throws(Failure) -> Content {
        let text = text.trimmed()
        // An encrypted key is no secret; a plain one never becomes a string.
        let encrypted = text.bytes.withUnsafeBytes { text in
            text.starts(with: EncryptedKey.firstLine.utf8.dropLast())
                ? String(decoding: text, as: UTF8.self).replacing("\r\n", with: "\n") + "\n" : nil
        }
        if let encrypted {
            do throws(EncryptedKeyError) {
                return .encrypted(try EncryptedKey(encrypted))
            } catch {
                throw Failure(.file, "\(path) holds no key: \(error)", hint: keepHint)
            }
        }
        guard let digits = text.bytes.withUnsafeBytes({ SecretHex.decode($0) }), digits.count == SecretKey.byteCount
        else {
            throw Failure(
                .file, "\(path) holds no key: expected 64 hexadecimal digits and a newline, or an encrypted key",
                hint: keepHint)
        }
        do throws(SecretKeyError) {
            return .plain(try SecretKey(digits))
        } catch {
            throw Failure(.file, "\(path) holds no key: \(error)", hint: keepHint)
        }
    }
}
