import Multiformats
import Secp256k1
import Testing

@testable import musig2

/// Secret keys in the form in which Bitcoin wallets pass them on. The keys are those of Bitcoin Core's
/// `key_io_valid.json`.
struct WalletImportFormatTests {
    private static let keys: [(wif: String, hex: String, network: WalletImportFormat.Network)] = [
        (
            "L5nJeqKmpHp4P7F8ZYyjwc5a7P4d8EabuGAzfGJk7yC1BJyzNaEd",
            "ff778740f88ddcf102aeb81daee289c044c4a4571c4b6f287400f4b8e0b843f8", .mainnet
        ),
        (
            "KwuVvu6hsuEMHrfFWJQV64tRrWX3QzqHH18JuAHYqYV6dqBvNKxd",
            "147804bf8a0dfff35939a611c7f5a60ac107f33f33d6059f273d2079ab1d90f2", .mainnet
        ),
        (
            "cV83kKisF3RQSvXbUCm9ox3kaz5JjEUBWcx8tNydfGJcyeUxuH47",
            "e0fcd4ce4e3d0e3de091f21415bb7cd011fac288c42020a879f28c2a4387df9b", .testnet
        ),
        (
            "cPisAUdLvqqAr6MYtXnrWvgvyUAwuNyuTvZkDGw6miPhZdaiSDNH",
            "3fdfec1371cedcdb8c190ca6ff8ad603f817edc0d93c2a687c7b36dd66e70f2a", .testnet
        ),
        (
            "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn",
            "0000000000000000000000000000000000000000000000000000000000000001", .mainnet
        ),
    ]

    @Test
    func keysGoBothWays() throws {
        for (wif, hex, network) in Self.keys {
            let key = try WalletImportFormat.decode(secret(wif))
            let digits = key.withUnsafeBytes { Hex.encode(Array($0)) }
            #expect(digits == hex)
            let text = WalletImportFormat.encode(key, network: network).withUnsafeBytes { Array($0) }
            #expect(text == Array(wif.utf8))
        }
    }

    @Test(arguments: [
        // Uncompressed, of mainnet and of a testnet.
        ("5JuW2AMDYu4xVwRG9DZW18VbzQrGcd5RCgb99sS6ehJsNQXu5b9", WalletImportFormatError.uncompressed),
        ("92ZdE5HoLafywnTBbzPxbvRmp75pSfzvdU3XaZGh1cToipgdHVh", .uncompressed),
        // A 2 in the place of the 1 that says "compressed".
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sfZr2ym", .uncompressed),
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWm", .checksum),
        ("T33ydQRKp4FCW5LCLLUB7deioUMoveiwekdwUwyfRDeGZm76aUjV", .network(0xB0)),
        // 0, and the group order.
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73Nd2Mcv1", .outOfRange),
        ("L5oLkpV3aqBjhki6LmvChTCV6odsp4SXM6FfU2Gppt5kFqRzExJJ", .outOfRange),
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoW0", .notBase58(characters: 52)),
        ("KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWné", .notBase58(characters: 54)),
        // Too large a number.
        (String(repeating: "z", count: 52), .notBase58(characters: 52)),
        ("", .notBase58(characters: 0)),
        ("xprv9s21ZrQH143K", .notBase58(characters: 16)),
    ])
    func everythingElseIsRefused(_ text: String, _ error: WalletImportFormatError) {
        #expect(throws: error) { _ = try WalletImportFormat.decode(secret(text)) }
    }

    /// A typing error anywhere is noticed, and never traps.
    @Test
    func everyWrongCharacterIsNoticed() {
        let wif = Array("L5nJeqKmpHp4P7F8ZYyjwc5a7P4d8EabuGAzfGJk7yC1BJyzNaEd".utf8)
        for place in wif.indices {
            for character in [UInt8(ascii: "1"), UInt8(ascii: "z"), 0, 0xFF] where character != wif[place] {
                var mangled = wif
                mangled[place] = character
                #expect(throws: WalletImportFormatError.self) { _ = try WalletImportFormat.decode(secret(mangled)) }
            }
            #expect(throws: WalletImportFormatError.self) {
                _ = try WalletImportFormat.decode(secret(Array(wif[..<place])))
            }
        }
    }
}

/// Characters in memory of secrets.
func secret(_ text: String) -> SecretBytes { secret(Array(text.utf8)) }

func secret(_ bytes: [UInt8]) -> SecretBytes { SecretBytes(copying: bytes.span.bytes) }
