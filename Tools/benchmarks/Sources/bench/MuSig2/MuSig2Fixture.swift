import MuSig2
import Secp256k1

/// A group of signers with everything that a step of BIP-327 starts from, as bytes and as values.
struct MuSig2Fixture {
    let count: Int
    let message: [UInt8] = Array(1...32)
    let secretKeys: [[UInt8]]
    let rawKeys: [[UInt8]]
    let keys: [PublicKey]
    let tweak: Tweak
    let context: KeyAggContext
    let rawNonces: [[UInt8]]
    let nonces: [PublicNonce]
    let session: SigningSession
    let partials: [PartialSignature]
    let rawPartials: [[UInt8]]

    init(count: Int) throws {
        self.count = count
        var secretKeys: [[UInt8]] = []
        var keys: [PublicKey] = []
        for _ in 0..<count {
            let key = SecretKey.generate()
            secretKeys.append(key.withUnsafeBytes { Array($0) })
            keys.append(key.publicKey)
        }
        self.secretKeys = secretKeys
        self.keys = keys
        self.rawKeys = keys.map(\.compressedRepresentation)
        var tweakBytes = [UInt8](repeating: 0, count: 32)
        tweakBytes[0] = 7
        self.tweak = try Tweak(bytes: tweakBytes, kind: .xOnly)
        self.context = try KeyAggContext(keys: keys).applyingTweak(self.tweak)
        let boxes = NonceBoxes()
        var nonces: [PublicNonce] = []
        for index in 0..<count {
            let key = try Self.secretKey(secretKeys[index])
            let nonce = try SecretNonce.generate(
                secretKey: key, aggregateKey: self.context.xOnlyKey, message: self.message
            )
            nonces.append(nonce.publicNonce)
            boxes.put(nonce)
        }
        self.nonces = nonces
        self.rawNonces = nonces.map(\.rawRepresentation)
        self.session = try SigningSession(
            context: self.context, aggregateNonce: AggregateNonce(aggregating: nonces), message: self.message
        )
        var partials: [PartialSignature] = []
        for index in (0..<count).reversed() {
            let key = try Self.secretKey(secretKeys[index])
            partials.append(try self.session.sign(boxes.take(), with: key))
        }
        self.partials = partials.reversed()
        self.rawPartials = self.partials.map(\.rawRepresentation)
    }

    static func secretKey(_ bytes: [UInt8]) throws -> SecretKey {
        try bytes.span.bytes.withUnsafeBytes { bytes in try SecretKey(copying: bytes) }
    }
}

/// Nonces waiting to be signed with, last in first out.
final class NonceBoxes {
    struct Empty: Error {}

    private final class Box {
        private var nonce: SecretNonce?

        init(_ nonce: consuming SecretNonce) {
            self.nonce = consume nonce
        }

        func take() -> SecretNonce? {
            self.nonce.take()
        }
    }

    private var boxes: [Box] = []

    var count: Int { self.boxes.count }

    func put(_ nonce: consuming SecretNonce) {
        self.boxes.append(Box(nonce))
    }

    func take() throws -> SecretNonce {
        guard let nonce = self.boxes.popLast()?.take() else { throw Empty() }
        return nonce
    }
}
