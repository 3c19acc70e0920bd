import Multiformats
import Secp256k1
import Testing

@testable import musig2

/// The key file that needs a passphrase.
struct EncryptedKeyTests {
    /// Made with other implementations of scrypt and ChaCha20-Poly1305 (Python's hashlib and cryptography).
    private static let figure = """
        musig2 encrypted key 1
        public-key 0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
        scrypt 1024 8 1 000102030405060708090a0b0c0d0e0f
        chacha20-poly1305 6465666768696a6b6c6d6e6f 26ed0afe8cd35e0e9f21ed33079ec925b015576434da5be3a9cdd12f814e99a70b4a1fabaef5b884c54e7d723ea1809f

        """
    /// The same, with the key 2 in it.
    private static let otherKey = """
        musig2 encrypted key 1
        public-key 0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798
        scrypt 1024 8 1 000102030405060708090a0b0c0d0e0f
        chacha20-poly1305 6465666768696a6b6c6d6e6f 26ed0afe8cd35e0e9f21ed33079ec925b015576434da5be3a9cdd12f814e99a46d5c3063be3e6c84ccfe576f8c41b4c6

        """
    private static let cheap = ScryptCost(rounds: 1 << 10, parallelism: 1)
    private let passphrase = SecretText(secret("correct horse"))

    @Test
    func whatOthersHaveEncryptedIsRead() throws {
        let encrypted = try EncryptedKey(Self.figure)
        #expect("\(encrypted.publicKey)" == "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
        #expect(encrypted.text == Self.figure)
        let key = try encrypted.open(passphrase)
        let publicKey = key.publicKey
        #expect(publicKey == encrypted.publicKey)
    }

    @Test
    func aKeyComesBackWithItsPassphraseAlone() throws {
        let key = SecretKey.generate()
        let text = try EncryptedKey(key, passphrase: passphrase, cost: Self.cheap).text
        #expect(text.utf8.count <= EncryptedKey.maximumBytes)
        let digits = key.withUnsafeBytes { Hex.encode(Array($0)) }
        #expect(!text.contains(digits))
        let encrypted = try EncryptedKey(text)
        let isSame = try encrypted.open(passphrase).isEqual(to: key)
        #expect(isSame)
        for wrong in ["correct hors", "correct horse ", "Correct horse", "\0"] {
            #expect(throws: EncryptedKeyError.wrongPassphrase) {
                _ = try encrypted.open(SecretText(secret(wrong)))
            }
        }
        let second = try EncryptedKey(key, passphrase: passphrase, cost: Self.cheap)
        #expect(second.salt != encrypted.salt && second.nonce != encrypted.nonce && second.sealed != encrypted.sealed)
    }

    /// The standard cost is within what is read.
    @Test
    func theStandardCostIsAccepted() {
        #expect(ScryptCost.standard.isAccepted)
        #expect(128 * ScryptCost.blockSize * ScryptCost.mostRounds == 256 << 20, "the most memory")
    }

    /// A file of somebody else cannot ask for more memory or time than the limits.
    @Test(arguments: [
        "512 8 1", "524288 8 1", "1025 8 1", "0 8 1", "-1024 8 1", "1024 8 0", "1024 8 5", "1024 9 1", "1024 0 1",
        "4611686018427387904 8 1", "1024 8 1073741823",
    ])
    func costsOutsideTheLimitsAreRefused(_ numbers: String) {
        #expect(throws: EncryptedKeyError.cost(numbers)) {
            _ = try EncryptedKey(Self.figure.replacing("1024 8 1", with: numbers))
        }
    }

    @Test
    func changedFilesAreRefused() throws {
        let lines = Self.figure.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var texts = [
            "", "\n", Self.firstLineAlone, Self.figure + "\n", Self.figure + "x", String(Self.figure.dropLast()),
            Self.figure.replacing(" ", with: "  "), Self.figure.replacing("\n", with: "\r\n"),
            Self.figure.replacing("key 1\n", with: "key 2\n"), Self.figure.replacing("1024", with: "+1024"),
            Self.figure.replacing("1024", with: "01024"),
            Self.figure.replacing("1024", with: "99999999999999999999"),
            Self.figure.replacing("public-key 02", with: "public-key 04"),
            Self.figure.replacing("79be667e", with: "79BE667E"),
        ]
        for index in lines.indices { texts.append((lines[..<index] + lines[(index + 1)...]).joined(separator: "\n")) }
        for text in texts where text != Self.figure {
            #expect(throws: EncryptedKeyError.malformed, "\(text)") { _ = try EncryptedKey(text) }
        }
        // What has the right form is authenticated: the tag, the key, salt, nonce, cost and public key.
        for (old, new) in [
            ("1024 8 1", "2048 8 1"), ("1024 8 1", "1024 8 2"), ("000102", "010102"), ("646566", "656566"),
            ("public-key 02", "public-key 03"),
        ] {
            let changed = Self.figure.replacing(old, with: new)
            #expect(changed != Self.figure)
            #expect(throws: EncryptedKeyError.wrongPassphrase) { _ = try EncryptedKey(changed).open(passphrase) }
        }
        #expect(throws: EncryptedKeyError.otherKey) { _ = try EncryptedKey(Self.otherKey).open(passphrase) }
    }

    private static let firstLineAlone = EncryptedKey.firstLine + "\n"

    @Test
    func filesOfBothFormsAreRead() throws {
        let digits = String(repeating: "0", count: 63) + "1"
        for text in [digits, digits + "\n", digits + "\r\n", " \(digits)\n\n"] {
            let content = try KeyFile.parse(SecretText(secret(text)), "key")
            let (isEncrypted, publicKey) = (content.isEncrypted, content.publicKey)
            #expect(!isEncrypted)
            #expect(publicKey == (try EncryptedKey(Self.figure)).publicKey)
        }
        for text in [Self.figure, Self.figure.replacing("\n", with: "\r\n")] {
            let isEncrypted = try KeyFile.parse(SecretText(secret(text)), "key").isEncrypted
            #expect(isEncrypted)
        }
        for text in [
            "", "\n", digits + "0", String(digits.dropLast()), digits + "\n" + digits,
            String(repeating: "0", count: 64), String(repeating: "f", count: 64), "musig2 encrypted key 2\n",
        ] {
            let failure = #expect(throws: Failure.self, "\(text)") {
                _ = try KeyFile.parse(SecretText(secret(text)), "key")
            }
            #expect(failure?.status == .file)
            #expect(failure?.message.hasPrefix("key holds no key: ") == true)
        }
    }

    @Test
    func importedKeysAreReadInBothForms() throws {
        let expected = try EncryptedKey(Self.figure).publicKey
        let digits = String(repeating: "0", count: 63) + "1"
        for text in [
            digits, digits.uppercased(), "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn",
            "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA",
        ] {
            let publicKey = try ImportedKey.parse(SecretText(secret(text))).publicKey
            #expect(publicKey == expected)
        }
        for text in [
            "", digits + "1", String(repeating: "0", count: 64), String(repeating: "g", count: 64), "0x\(digits)",
        ] {
            let failure = #expect(throws: Failure.self) { _ = try ImportedKey.parse(SecretText(secret(text))) }
            #expect(failure?.status == .usage)
            #expect(text.isEmpty || failure?.description.contains(text) == false, "what was given is not shown")
        }
    }
}
