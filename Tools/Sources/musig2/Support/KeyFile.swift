import Foundation
import PeerNode
import PeerTransport
import Secp256k1

/// The signer's secret key in a file: 64 hexadecimal digits and a newline, readable by its owner alone.
enum KeyFile {
    /// Writes a new key.
    ///
    /// - Throws: ``Failure`` if there is a file already, or it cannot be written. An existing key is never overwritten.
    static func create(at path: String, _ key: borrowing SecretKey) throws(Failure) {
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
        let isNew: Bool
        do throws(TransportError) {
            isNew = try file(at: path).create(text)
        } catch {
            throw Failure.file(error)
        }
        guard isNew else {
            throw Failure(
                .file, "there is a key already: \(path)",
                hint: "Show it with `musig2 key show`, or name another folder with --home.")
        }
    }

    /// Reads a key. White space around the digits is of no matter: editors end lines in their own ways.
    ///
    /// - Throws: ``Failure`` if there is no such file, it is not a file of this user that others cannot read, or it holds
    ///   no key.
    static func read(at path: String) throws(Failure) -> SecretKey {
        let text: SecretBytes?
        do throws(TransportError) {
            text = try file(at: path).readSecret()
        } catch {
            throw Failure.file(error)
        }
        guard let text else {
            throw Failure(.file, "there is no key at \(path)", hint: "Make one with `musig2 key new`.")
        }
        let notAKey = Failure(
            .file, "\(path) holds no key: expected 64 hexadecimal digits and a newline",
            hint: "Keep the file and find out what it is; a new key goes into another folder, with --home.")
        guard let bytes = text.withUnsafeBytes({ decoded($0) }) else { throw notAKey }
        do throws(SecretKeyError) {
            return try SecretKey(bytes)
        } catch {
            throw Failure(.file, "\(path) holds no key: \(error)", hint: notAKey.hint)
        }
    }

    private static func file(at path: String) -> PrivateFile {
        PrivateFile(path: path, kind: "key file", exposure: "read the key", maximumBytes: 4_096)
    }

    /// The bytes that hexadecimal digits stand for, as many as a key has; nil if these are none.
    private static func decoded(_ text: UnsafeRawBufferPointer) -> SecretBytes? {
        let start = text.firstIndex { !isSpace($0) } ?? text.endIndex
        let end = text.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start
        guard end - start == 2 * SecretKey.byteCount else { return nil }
        var bytes = SecretBytes(byteCount: SecretKey.byteCount)
        let isHex = bytes.withUnsafeMutableBytes { bytes in
            for index in bytes.indices {
                guard let high = value(text[start + 2 * index]), let low = value(text[start + 2 * index + 1])
                else { return false }
                bytes[index] = high << 4 | low
            }
            return true
        }
        guard isHex else { return nil }
        return bytes
    }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

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
