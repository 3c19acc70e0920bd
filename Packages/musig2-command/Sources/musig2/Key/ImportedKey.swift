import Foundation
import Secp256k1

/// A secret key that a person brings.
enum ImportedKey {
    /// The most characters that are read: spaces may stand around the key.
    static let maximumBytes = 256

    /// The text of the key: from standard input, or from the person without showing it.
    static func read() async throws(Failure) -> SecretText {
        if isatty(STDIN_FILENO) == 1, let terminal = Terminal() {
            let unseen = try await terminal.unseen()
            defer { unseen.end() }
            return try await unseen.secret("Secret key, in hexadecimal or as WIF", limit: maximumBytes)
        }
        do throws(SecretText.ReadError) {
            return try SecretText.read(STDIN_FILENO, limit: maximumBytes, to: .file).trimmed()
        } catch {
            switch error {
            case .tooLong:
                throw Failure(.usage, "standard input: expected a secret key, found more than \(maximumBytes) bytes")
            case .system(let reason): throw Failure(.file, "cannot read standard input: \(reason)")
            }
        }
    }

    /// Reads 64 hexadecimal digits, or a WIF. No message shows what was given.
    static func parse(_ text: SecretText) throws(Failure) -> SecretKey {
        let hint = "It is 64 hexadecimal digits, or a WIF of 52 characters, which begins with K, L or c."
        if text.bytes.count == 2 * SecretKey.byteCount {
            if let bytes = text.bytes.withUnsafeBytes({ SecretHex.decode($0) }) {
                do throws(SecretKeyError) {
                    return try SecretKey(bytes)
                } catch {
                    throw Failure(.usage, "\(error)", hint: hint)
                }
            }
        }
        do throws(WalletImportFormatError) {
            return try WalletImportFormat.decode(text.bytes)
        } catch {
            throw Failure(.usage, "secret key: \(error)", hint: hint)
        }
    }
}
