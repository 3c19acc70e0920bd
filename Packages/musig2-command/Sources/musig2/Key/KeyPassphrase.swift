import Foundation
import PeerNode
import Secp256k1

/// The passphrase of a key file: from a file that the environment names, else from the person at the terminal.
enum KeyPassphrase {
    /// The variable that names the file, for services.
    static let variable = "MUSIG2_PASSPHRASE_FILE"

    /// A passphrase that was given. What is typed is not shown before it is ended: after the work that it is for.
    struct Given {
        let text: SecretText
        /// nil: it was not typed.
        fileprivate let unseen: Terminal.Unseen?

        /// Lets the terminal show again what is typed.
        func end() { unseen?.end() }

        /// Ends the command if a signal came that wants it, while the passphrase was used.
        func throwIfInterrupted() throws(Failure) { try unseen?.throwIfInterrupted() }
    }

    /// The passphrase of a key that is encrypted.
    ///
    /// - Parameter path: The file of the key, for the question.
    /// - Throws: ``Failure`` when there is neither a file nor a terminal.
    static func existing(for path: String) async throws(Failure) -> Given {
        if let file { return Given(text: try read(file), unseen: nil) }
        guard let terminal = Terminal() else {
            throw Failure(.passphrase, "\(path) is encrypted, and there is no terminal to ask at", hint: hint)
        }
        return try await typed(at: terminal) { (unseen) async throws(Failure) in
            try await unseen.secret("Passphrase of \(path)", limit: EncryptedKey.maximumPassphraseBytes)
        }
    }

    /// A passphrase for a key that is to be encrypted; a person types it twice.
    ///
    /// - Parameter file: A file that holds it, instead.
    static func new(from file: String? = KeyPassphrase.file) async throws(Failure) -> Given {
        if let file { return Given(text: try read(file), unseen: nil) }
        guard let terminal = Terminal() else {
            throw Failure(.passphrase, "there is no terminal to ask for the passphrase at", hint: hint)
        }
        return try await typed(at: terminal) { (unseen) async throws(Failure) in
            let limit = EncryptedKey.maximumPassphraseBytes
            let first = try await unseen.secret("New passphrase", limit: limit)
            let second = try await unseen.secret("The same again", limit: limit)
            guard first.bytes.isEqual(to: second.bytes) else {
                throw Failure(.passphrase, "the two passphrases differ", hint: "Nothing was written.")
            }
            return first
        }
    }

    private static func typed(
        at terminal: Terminal, _ ask: (Terminal.Unseen) async throws(Failure) -> SecretText
    ) async throws(Failure) -> Given {
        let unseen = try await terminal.unseen()
        do throws(Failure) {
            return Given(text: try await ask(unseen), unseen: unseen)
        } catch {
            unseen.end()
            throw error
        }
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
