import Crypto
import Foundation
import Secp256k1

/// Why a text is no secret key in the wallet import format. Says nothing about the secret.
enum WalletImportFormatError: Error, Equatable {
    /// A character that base58 does not have, or more or fewer of them than a key takes.
    case notBase58(characters: Int)
    /// The checksum at the end does not match: a slip of the pen.
    case checksum
    /// The first byte names neither Bitcoin's mainnet nor its testnets.
    case network(UInt8)
    /// The key belongs to an uncompressed public key, which MuSig2 does not know.
    case uncompressed
    /// The number is 0, or not below the group order.
    case outOfRange
}

extension WalletImportFormatError: CustomStringConvertible {
    var description: String {
        switch self {
        case .notBase58(let characters):
            "expected 64 hexadecimal digits or the 52 characters of a WIF, found \(characters) characters that are neither"
        case .checksum: "WIF: the checksum does not match; a character is wrong or missing"
        case .network(let byte): "WIF: expected a key of Bitcoin's mainnet (128) or testnets (239), found \(byte)"
        case .uncompressed:
            "WIF: expected a key for a compressed public key, found one for an uncompressed one"
        case .outOfRange: "expected a number from 1 to the group order less 1, found one outside"
        }
    }
}

/// The wallet import format (WIF), in which Bitcoin wallets pass secret keys on: in base58, a byte for the network, the
/// 32 bytes of the key, a 1 for a compressed public key, and the first 4 bytes of their double SHA-256.
///
/// All steps are done in memory that is wiped.
enum WalletImportFormat {
    /// The network that the text names. The key is the same on all.
    enum Network: UInt8 {
        case mainnet = 0x80
        /// Testnet, signet and regtest.
        case testnet = 0xEF
    }

    /// The characters of a key for a compressed public key: always 52.
    static let characterCount = 52

    private static let payloadCount = 1 + SecretKey.byteCount + 1
    private static let checksumCount = 4
    private static let byteCount = payloadCount + checksumCount
    private static let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)

    /// The text of a key: 52 characters.
    static func encode(_ key: borrowing SecretKey, network: Network) -> SecretBytes {
        var number = SecretBytes(byteCount: byteCount)
        number.withUnsafeMutableBytes { bytes in
            bytes[0] = network.rawValue
            key.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[1...]).copyMemory(from: $0) }
            bytes[payloadCount - 1] = 1
            let payload = UnsafeRawBufferPointer(rebasing: bytes[..<payloadCount])
            for (index, byte) in checksum(of: payload).enumerated() { bytes[payloadCount + index] = byte }
        }
        var text = SecretBytes(byteCount: characterCount)
        text.withUnsafeMutableBytes { text in
            number.withUnsafeMutableBytes { number in
                for place in text.indices.reversed() {
                    var rest = 0
                    for index in number.indices {
                        rest = rest << 8 | Int(number[index])
                        number[index] = UInt8(rest / 58)
                        rest %= 58
                    }
                    text[place] = alphabet[rest]
                }
            }
        }
        return text
    }

    /// Reads the text of a key of any of the networks.
    ///
    /// - Parameter text: The characters, without spaces around them.
    static func decode(_ text: borrowing SecretBytes) throws(WalletImportFormatError) -> SecretKey {
        let characters = text.count
        var number = SecretBytes(byteCount: byteCount)
        let isNumber = number.withUnsafeMutableBytes { number in
            text.withUnsafeBytes { text in
                // One for an uncompressed public key has 51.
                (characterCount - 1...characterCount).contains(text.count)
                    && text.allSatisfy { multiplyAndAdd($0, to: number) }
            }
        }
        guard isNumber else { throw .notBase58(characters: characters) }
        var key = SecretBytes(byteCount: SecretKey.byteCount)
        try number.withUnsafeBytes { (bytes) throws(WalletImportFormatError) in
            let isShort = bytes[0] == 0
            let bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(isShort ? 1 : 0))
            let payload = UnsafeRawBufferPointer(rebasing: bytes.dropLast(checksumCount))
            guard bytes.suffix(checksumCount).elementsEqual(checksum(of: payload)) else { throw .checksum }
            guard Network(rawValue: payload[0]) != nil else { throw .network(payload[0]) }
            guard !isShort, payload[payloadCount - 1] == 1 else { throw .uncompressed }
            key.withUnsafeMutableBytes { key in
                key.copyMemory(from: UnsafeRawBufferPointer(rebasing: payload[1...SecretKey.byteCount]))
            }
        }
        do throws(SecretKeyError) {
            return try SecretKey(key)
        } catch {
            throw .outOfRange
        }
    }

    /// Appends a digit to a number; false if it is none, or there is no room for it.
    private static func multiplyAndAdd(_ character: UInt8, to number: UnsafeMutableRawBufferPointer) -> Bool {
        guard var carry = alphabet.firstIndex(of: character) else { return false }
        for index in number.indices.reversed() {
            carry += 58 * Int(number[index])
            number[index] = UInt8(truncatingIfNeeded: carry)
            carry >>= 8
        }
        return carry == 0
    }

    private static func checksum(of payload: UnsafeRawBufferPointer) -> [UInt8] {
        Array(SHA256.hash(data: Data(SHA256.hash(data: payload))).prefix(checksumCount))
    }
}
