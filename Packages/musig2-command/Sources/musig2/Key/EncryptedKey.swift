import Crypto
import CryptoExtras
import Foundation
import Multiformats
import Secp256k1

/// Why a key that is encrypted cannot be read.
enum EncryptedKeyError: Error, Equatable {
    /// The text has not the form of an encrypted key.
    case malformed
    /// It asks for more or less work than this command does.
    case cost(String)
    /// The passphrase is another one, or the file was changed.
    case wrongPassphrase
    /// It holds another key than it says.
    case otherKey
}

extension EncryptedKeyError: CustomStringConvertible {
    var description: String {
        switch self {
        case .malformed: "expected the four lines of an encrypted key"
        case .cost(let found): "scrypt: expected \(ScryptCost.bounds), found \(found)"
        case .wrongPassphrase: "the passphrase is wrong, or the file was changed"
        case .otherKey: "the key in it is not the one that its public key names"
        }
    }
}

/// How much work scrypt (RFC 7914) makes of a passphrase. Its memory is 1 KiB times the rounds.
struct ScryptCost: Equatable {
    /// N: a power of two.
    let rounds: Int
    /// p: how often the work is done.
    let parallelism: Int

    /// r. All that is known of the best attacks is for this one.
    static let blockSize = 8
    /// What new files are made with: 128 MiB, and about half a second.
    static let standard = ScryptCost(rounds: 1 << 17, parallelism: 1)
    /// The fewest rounds that a file may ask for.
    static let fewestRounds = 1 << 10
    /// The most: 256 MiB, so that a file that somebody else has written cannot take all memory.
    static let mostRounds = 1 << 18
    /// The highest p: some seconds.
    static let mostParallelism = 4

    /// The limits in words.
    static let bounds = "N of \(fewestRounds) to \(mostRounds), r = \(blockSize), p of 1 to \(mostParallelism)"

    /// Whether this command does that work.
    var isAccepted: Bool {
        (Self.fewestRounds...Self.mostRounds).contains(rounds) && rounds & (rounds - 1) == 0
            && (1...Self.mostParallelism).contains(parallelism)
    }
}

/// A secret key encrypted with a passphrase, as the key file holds it: ASCII text of four lines.
///
///     musig2 encrypted key 1
///     public-key 66 HEX DIGITS
///     scrypt N r p SALT
///     chacha20-poly1305 NONCE SEALED
///
/// The salt has 16 bytes, the nonce 12, the sealed key 32 and a tag of 16, all in lower-case hexadecimal. The passphrase's
/// scrypt value of 32 bytes is the key of ChaCha20-Poly1305 (RFC 8439), which authenticates the lines above its own.
/// There is one text for each content only.
struct EncryptedKey: Equatable {
    /// The public key, which is no secret: it is known without the passphrase.
    let publicKey: PublicKey
    let cost: ScryptCost
    let salt: [UInt8]
    let nonce: [UInt8]
    /// The encrypted key and its tag.
    let sealed: [UInt8]

    /// How an encrypted key begins.
    static let firstLine = "musig2 encrypted key 1"
    /// The most bytes of a file that holds it: more than the longest text, with white space around it.
    static let maximumBytes = 512
    /// The longest passphrase, in bytes.
    static let maximumPassphraseBytes = 1_024

    private static let saltCount = 16
    private static let nonceCount = 12
    private static let tagCount = 16

    /// Encrypts a key.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - passphrase: At least one byte.
    ///   - cost: How much work it is to try a passphrase.
    init(_ key: borrowing SecretKey, passphrase: SecretText, cost: ScryptCost = .standard) throws(EncryptedKeyError) {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<Self.saltCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let nonce = (0..<Self.nonceCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let header = Self.header(publicKey: key.publicKey, cost: cost, salt: salt)
        let cipherKey = try Self.cipherKey(passphrase, cost, salt)
        do {
            let box = try key.withUnsafeBytes { key in
                try ChaChaPoly.seal(
                    key, using: cipherKey, nonce: ChaChaPoly.Nonce(data: nonce), authenticating: Data(header.utf8))
            }
            self.init(
                publicKey: key.publicKey, cost: cost, salt: salt, nonce: nonce,
                sealed: Array(box.ciphertext) + Array(box.tag))
        } catch {
            preconditionFailure("a nonce of 12 bytes and a short text were refused: \(error)")
        }
    }

    private init(publicKey: PublicKey, cost: ScryptCost, salt: [UInt8], nonce: [UInt8], sealed: [UInt8]) {
        self.publicKey = publicKey
        self.cost = cost
        self.salt = salt
        self.nonce = nonce
        self.sealed = sealed
    }

    /// Reads the text of a file.
    init(_ text: String) throws(EncryptedKeyError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init) }
        guard lines.count == 5, lines[4] == [""], lines[0].joined(separator: " ") == Self.firstLine,
            lines[1].count == 2, lines[2].count == 5, lines[3].count == 3,
            let key = Hex.decode(lines[1][1]), let publicKey = Self.publicKey(key),
            let salt = Hex.decode(lines[2][4]), salt.count == Self.saltCount,
            let nonce = Hex.decode(lines[3][1]), nonce.count == Self.nonceCount,
            let sealed = Hex.decode(lines[3][2]), sealed.count == SecretKey.byteCount + Self.tagCount
        else { throw .malformed }
        let numbers = lines[2][1...3].joined(separator: " ")
        guard let rounds = Int(lines[2][1]), let blockSize = Int(lines[2][2]), let parallelism = Int(lines[2][3]) else {
            throw .malformed
        }
        let cost = ScryptCost(rounds: rounds, parallelism: parallelism)
        guard cost.isAccepted, blockSize == ScryptCost.blockSize else { throw .cost(numbers) }
        self.init(publicKey: publicKey, cost: cost, salt: salt, nonce: nonce, sealed: sealed)
        guard self.text == text else { throw .malformed }
    }

    /// The text of the file.
    var text: String {
        Self.header(publicKey: publicKey, cost: cost, salt: salt)
            + "chacha20-poly1305 \(Hex.encode(nonce)) \(Hex.encode(sealed))\n"
    }

    /// Decrypts the key: as much work as ``cost`` says.
    func open(_ passphrase: SecretText) throws(EncryptedKeyError) -> SecretKey {
        let header = Self.header(publicKey: publicKey, cost: cost, salt: salt)
        let cipherKey = try Self.cipherKey(passphrase, cost, salt)
        var opened: Data
        do {
            let box = try ChaChaPoly.SealedBox(
                nonce: ChaChaPoly.Nonce(data: nonce), ciphertext: sealed.dropLast(Self.tagCount),
                tag: sealed.suffix(Self.tagCount))
            opened = try ChaChaPoly.open(box, using: cipherKey, authenticating: Data(header.utf8))
        } catch {
            throw .wrongPassphrase
        }
        var bytes = SecretBytes(byteCount: opened.count)
        opened.withUnsafeMutableBytes { opened in
            bytes.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(opened)) }
            SecretBytes.wipe(opened)
        }
        guard let key = Self.secretKey(bytes), key.publicKey == publicKey else { throw .otherKey }
        return key
    }

    private static func header(publicKey: PublicKey, cost: ScryptCost, salt: [UInt8]) -> String {
        """
        \(firstLine)
        public-key \(publicKey)
        scrypt \(cost.rounds) \(ScryptCost.blockSize) \(cost.parallelism) \(Hex.encode(salt))

        """
    }

    private static func cipherKey(
        _ passphrase: SecretText, _ cost: ScryptCost, _ salt: [UInt8]
    ) throws(EncryptedKeyError) -> SymmetricKey {
        do {
            return try passphrase.bytes.withUnsafeBytes { passphrase in
                try KDF.Scrypt.deriveKey(
                    from: passphrase, salt: salt, outputByteCount: 32, rounds: cost.rounds,
                    blockSize: ScryptCost.blockSize, parallelism: cost.parallelism)
            }
        } catch {
            // What is within the bounds is refused for want of memory alone.
            throw .cost("\(cost.rounds) \(ScryptCost.blockSize) \(cost.parallelism), for which there is no memory")
        }
    }

    private static func publicKey(_ bytes: [UInt8]) -> PublicKey? {
        do throws(PublicKeyError) { return try PublicKey(compressedRepresentation: bytes) } catch { return nil }
    }

    private static func secretKey(_ bytes: consuming SecretBytes) -> SecretKey? {
        do throws(SecretKeyError) { return try SecretKey(bytes) } catch { return nil }
    }
}
