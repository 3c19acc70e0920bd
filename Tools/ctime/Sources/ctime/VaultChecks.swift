import MuSig2
import MuSig2Session
import Secp256k1

/// Nonces as a node has them: drawn, kept and used up in a vault.
let vaultChecks: [Check] = [
    Check("NonceGen, with randomness that the library draws") {
        let key = SecretKey.generate()
        let nonce = try Secrets.drawing(32) { try SecretNonce.generateInAdvance(secretKey: key, message: [1, 2, 3]) }
        Secrets.consume(nonce.publicNonce.rawRepresentation)
        let keyless = try Secrets.drawing(32) { try SecretNonce.generateWithoutSecretKey(publicKey: key.publicKey) }
        Secrets.consume(keyless.publicNonce.rawRepresentation)
    },
    Check("nonce vault: generate and sign, several messages, whatever the parities of the points") {
        for _ in 0..<12 {
            let session = try VaultSession(messages: 2)
            for signature in try session.sign() { Secrets.consume(signature.rawRepresentation) }
        }
    },
]

/// Two signers with keys and nonces that the library draws.
struct VaultSession: ~Copyable {
    private let first = SecretKey.generate()
    private let second = SecretKey.generate()
    private let crypto: BIP327
    private let handle: NonceHandle

    init(messages: Int) throws {
        let plan = SessionPlan(
            signerKeys: [self.first.publicKey, self.second.publicKey],
            messages: (0..<messages).map { [UInt8(truncatingIfNeeded: $0)] },
            creator: 0
        )
        let now = Now(monotonic: .zero, wallMilliseconds: 1_700_000_000_000)
        let descriptor = try SessionDescriptor(plan, at: now, random: .zero)
        self.crypto = try BIP327(descriptor)
        self.handle = NonceHandle(session: descriptor.id, attempt: 1, run: 1)
    }

    /// Draws the first signer's nonces.
    func generate() throws -> [[UInt8]] {
        var vault = NonceVault()
        return try vault.generate(self.handle, for: self.crypto, secretKey: self.first)
    }

    /// Signs; throws unless the signatures are valid.
    func sign() throws -> [SchnorrSignature] {
        var vault = NonceVault()
        var otherVault = NonceVault()
        let count = self.crypto.descriptor.messages.count
        let nonces = try Secrets.drawing(64 * count) {
            [
                try vault.generate(self.handle, for: self.crypto, secretKey: self.first),
                try otherVault.generate(self.handle, for: self.crypto, secretKey: self.second),
            ]
        }
        let parsed = nonces.compactMap { self.crypto.nonces($0) }
        guard parsed.count == 2, let aggregate = self.crypto.aggregate(parsed) else { throw Failure("nonces") }
        let partials = [
            try vault.sign(self.handle, in: aggregate.context, secretKey: self.first),
            try otherVault.sign(self.handle, in: aggregate.context, secretKey: self.second),
        ]
        guard let signatures = self.crypto.signatures(partials: partials, context: aggregate.context) else {
            throw Failure("signatures")
        }
        return signatures
    }
}
