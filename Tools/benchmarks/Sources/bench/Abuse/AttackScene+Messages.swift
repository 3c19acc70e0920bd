import MuSig2Coordination
import MuSig2Session
import PeerTransport
import Secp256k1
import WireCodec

extension AttackScene {
    /// G ‖ 2G.
    static let nonce: [UInt8] = bytes(
        "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f8179802c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
    )

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.map { $0 < 58 ? $0 - 48 : $0 - 87 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    func sync(wanting types: [MessageType] = [], leaves: Int = 0, _ number: Int = 0) -> Sync {
        let indices = self.descriptor.signerKeys.indices.map { UInt32($0) }
        return Sync(
            sessionID: self.descriptor.id.bytes,
            attempt: 1,
            index: UInt32(self.index),
            run: self.run,
            wanted: types.map { Sync.Wanted($0, indices: indices) },
            leaves: [[UInt8]](
                repeating: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32), count: leaves)
        )
    }

    func hello() -> Hello {
        let day = UInt32(self.clock.timeSource.now().wallMilliseconds / 86_400_000)
        let key = DiscoveryKey(method: .rendezvous, subject: .session(self.descriptor.id), day: day)
        return Hello(dhtKey: key.bytes, a: Self.random().bytes)
    }

    func signatures() -> SignatureFinalized {
        let wrong = Self.random().bytes + [UInt8](repeating: 1, count: 32)
        return SignatureFinalized(
            sessionID: self.descriptor.id.bytes,
            signatures: [[UInt8]](repeating: wrong, count: self.descriptor.messages.count))
    }

    func nonces(spoilt: Bool = false) -> NonceShare {
        var nonces = [[UInt8]](repeating: Self.nonce, count: self.descriptor.messages.count)
        if spoilt { nonces[nonces.count - 1] = [UInt8](repeating: 0xFF, count: 66) }
        return NonceShare(nonces: nonces)
    }

    /// Evidence that convicts nobody, as large as it may be.
    func evidence(_ kind: EvidenceKind, _ number: Int, count: Int = 3_002, spoilt: Bool = false) throws -> Evidence {
        let payload = Payload.nonceCommit(NonceCommit(leaf: Self.random().bytes))
        let one = try self.message(payload, run: UInt64(number + 2))
        var messages: [SignedMessage]
        var culprit = self.index
        switch kind {
        case .wrongAggregate:
            // The coordinator's message, and then one of each signer: all by the attacker, for the signatures to be checked.
            culprit = 0
            let share = try self.message(.nonceShare(self.nonces()), run: UInt64(number + 2))
            messages = [SignedMessage](repeating: share, count: 1_001)
        default: messages = [SignedMessage](repeating: one, count: count)
        }
        if spoilt { messages[messages.count - 1] = try self.forged(payload, run: UInt64(number + 2)) }
        return Evidence(kind: kind, culprit: UInt32(culprit), signedMessages: messages)
    }

    // MARK: Descriptors that deflate

    private static func descriptor(_ change: (inout Descriptor) throws -> Void) throws -> SessionDescriptor {
        var fields = Descriptor(
            signerKeys: [SecretKey.generate().publicKey, SecretKey.generate().publicKey].map(
                \.compressedRepresentation),
            messages: [[1]],
            createdMilliseconds: 1_800_000_000_000,
            expiresMilliseconds: 1_800_000_600_000,
            random: Self.random().bytes
        )
        fields.nonceTimeoutMilliseconds = 1_000
        fields.partialTimeoutMilliseconds = 1_000
        try change(&fields)
        return try SessionDescriptor(bytes: fields.encoded())
    }

    /// 1,000 signer keys and 1,000 message keys with small x.
    static func dearDescriptor() throws -> SessionDescriptor {
        var keys: [[UInt8]] = []
        var x = 1
        while keys.count < 2_000 {
            let bytes = [2] + [UInt8](repeating: 0, count: 30) + [UInt8(x >> 8), UInt8(x & 0xFF)]
            x += 1
            do throws(PublicKeyError) {
                keys.append(try PublicKey(compressedRepresentation: bytes).compressedRepresentation)
            } catch {
                continue
            }
        }
        return try Self.descriptor { fields in
            fields.signerKeys = Array(keys[..<1_000])
            fields.messageKeys = Array(keys[1_000...])
            fields.topology = .star
        }
    }

    /// One message of 192 KiB of zeros.
    static let zeros: Result<SessionDescriptor, any Error> = Result {
        try AttackScene.descriptor { $0.messages = [[UInt8](repeating: 0, count: 192 << 10)] }
    }
}
