import Foundation
import Secp256k1

/// The signer's secret key in a file: 64 hexadecimal digits and a newline, readable by its owner alone.
enum KeyFile {
    /// Writes a new key.
    ///
    /// - Throws: ``Failure`` if there is a file already, or it cannot be written. An existing key is never overwritten.
    static func create(at path: String, _ key: borrowing SecretKey) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else {
            if errno == EEXIST {
                throw Failure(
                    .file, "there is a key already: \(path)",
                    hint: "Show it with `musig2 key show`, or name another folder with --home.")
            }
            throw Failure(.file, "cannot write \(path): \(FileFailure.reason())")
        }
        defer { close(descriptor) }
        var text = SecretBytes(byteCount: 2 * SecretKey.byteCount + 1)
        text.withUnsafeMutableBytes { text in
            key.withUnsafeBytes { key in
                for (index, byte) in key.enumerated() {
                    text[2 * index] = digit(byte >> 4)
                    text[2 * index + 1] = digit(byte & 15)
                }
            }
            text[2 * SecretKey.byteCount] = UInt8(ascii: "\n")
        }
        let written = text.withUnsafeBytes { text in write(descriptor, text.baseAddress, text.count) }
        guard written == text.count, fsync(descriptor) == 0 else {
            let reason = FileFailure.reason()
            unlink(path)
            throw Failure(.file, "cannot write \(path): \(reason)")
        }
    }

    /// Reads a key.
    ///
    /// - Throws: ``Failure`` if there is no such file, others may read it, or it holds no key.
    static func read(at path: String) throws(Failure) -> SecretKey {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else {
            if errno == ENOENT {
                throw Failure(.file, "there is no key at \(path)", hint: "Make one with `musig2 key new`.")
            }
            throw Failure(.file, "cannot read \(path): \(FileFailure.reason())")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw Failure(.file, "cannot read \(path): \(FileFailure.reason())")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw Failure(
                .file, "\(path) can be read by others (mode \(String(status.st_mode & 0o777, radix: 8)))",
                hint: "If nobody has read it, mend it with: chmod 600 \(path)")
        }
        // One byte more than a key, so that a longer file is noticed.
        var text = SecretBytes(byteCount: 2 * SecretKey.byteCount + 2)
        let count = text.withUnsafeMutableBytes { text in Foundation.read(descriptor, text.baseAddress, text.count) }
        let notAKey = Failure(
            .file, "\(path) holds no key: expected 64 hexadecimal digits and a newline",
            hint: "Keep the file and find out what it is; a new key goes into another folder, with --home.")
        guard count == 2 * SecretKey.byteCount + 1 || count == 2 * SecretKey.byteCount else { throw notAKey }
        var bytes = SecretBytes(byteCount: SecretKey.byteCount)
        let isHex = bytes.withUnsafeMutableBytes { bytes in
            text.withUnsafeBytes { text in
                for index in bytes.indices {
                    guard let high = value(text[2 * index]), let low = value(text[2 * index + 1]) else { return false }
                    bytes[index] = high << 4 | low
                }
                return count == 2 * bytes.count || text[2 * bytes.count] == UInt8(ascii: "\n")
            }
        }
        guard isHex else { throw notAKey }
        do throws(SecretKeyError) {
            return try SecretKey(bytes)
        } catch {
            throw Failure(.file, "\(path) holds no key: \(error)", hint: notAKey.hint)
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
