import Foundation
import PeerNode
import Secp256k1

/// The passphrase of a key file: from a file that the environment names, else from the person at the terminal.
enum KeyPassphrase {
    /// The variable that names the file, for services.
    static let variable = "MUSIG2_PASSPHRASE_FILE"

    /// The passphrase of a key that is encrypted.
    ///
    /// - Parameter path: The file of the key, for the question.
    /// - Throws: ``Failure`` when there is neither a file nor a terminal.
    static func existing(for path: String) async throws(Failure) -> SecretText {
        if let file { return try read(file) }
        guard let terminal = Terminal() else {
            throw Failure(.passphrase, "\(path) is encrypted, and there is no terminal to ask at", hint: hint)
        }
        return try await terminal.secret("Passphrase of \(path)", limit: EncryptedKey.maximumPassphraseBytes)
    }

    /// A passphrase for a key that is to be encrypted; a person types it twice.
    ///
    /// - Parameter file: A file that holds it, instead.
    static func new(from file: String? = KeyPassphrase.file) async throws(Failure) -> SecretText {
        if let file { return try read(file) }
        guard let terminal = Terminal() else {
            throw Failure(.passphrase, "there is no terminal to ask for the passphrase at", hint: hint)
        }
        let limit = EncryptedKey.maximumPassphraseBytes
        let first = try await terminal.secret("New passphrase", limit: limit)
        let second = try await terminal.secret("The same again", limit: limit)
        guard first.bytes.isEqual(to: second.bytes) else {
            throw Failure(.passphrase, "the two passphrases differ", hint: "Nothing was written.")
        }
        return first
    }

    /// The file that the environment names.
    static var file: String? {
        ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static let hint = "Name a file that holds the passphrase: \(variable)=FILE"

    /// Reads the one line of a file, which must be as private as the key's own.
    private static func read(_ path: String) throws(Failure) -> SecretText {
        let file = PrivateFile(
            path: path, kind: "passphrase file", exposure: "read the passphrase",
            maximumBytes: EncryptedKey.maximumPassphraseBytes)
        guard let text = try SecretText.read(file)?.trimmed() else {
            throw Failure(.file, "there is no file \(path), which is to hold the passphrase")
        }
        let isLine = text.bytes.withUnsafeBytes { !$0.contains(UInt8(ascii: "\n")) }
        guard isLine, text.bytes.count > 0 else {
            throw Failure(.file, "\(path) holds no passphrase: expected one line")
        }
        return text
    }
}
