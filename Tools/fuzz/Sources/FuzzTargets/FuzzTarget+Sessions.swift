import MuSig2
import MuSig2Session
import Secp256k1
import WireCodec

extension FuzzTarget {
    /// What co-signers send, as BIP-327 and the session read it.
    static let sessions: [FuzzTarget] = [
        FuzzTarget("public-nonce", seeds: [generator + generator]) { bytes in
            if let nonce = try? PublicNonce(rawRepresentation: bytes) {
                check(nonce.rawRepresentation == bytes, "a public nonce has two encodings")
                let sum = try? AggregateNonce(aggregating: [nonce])
                check(sum?.rawRepresentation == bytes, "one public nonce is not its own sum")
            }
        },
        FuzzTarget("aggregate-nonce", seeds: [generator + generator, [UInt8](repeating: 0, count: 66)]) { bytes in
            if let nonce = try? AggregateNonce(rawRepresentation: bytes) {
                check(nonce.rawRepresentation == bytes, "an aggregate nonce has two encodings")
            }
        },
        FuzzTarget("partial-signature", seeds: [[UInt8](repeating: 1, count: 32)]) { bytes in
            if let partial = try? PartialSignature(rawRepresentation: bytes) {
                check(partial.rawRepresentation == bytes, "a partial signature has two encodings")
            }
        },
        FuzzTarget("session-descriptor", seeds: descriptors.map(\.bytes)) { bytes in
            guard let descriptor = try? SessionDescriptor(bytes: bytes) else { return }
            check(descriptor.bytes == bytes, "a descriptor does not keep its bytes")
            check(descriptor.fields.encoded() == bytes, "a descriptor has two encodings")
            _ = try? descriptor.keyAggContext()
        },
        // Whatever a stranger calls evidence ends in a verdict or an error, and never convicts without a signature.
        FuzzTarget("evidence", seeds: [evidence.encoded()]) { bytes in
            guard let descriptor = descriptors.first, let evidence = try? Evidence(decoding: bytes),
                let crypto = try? BIP327(descriptor)
            else { return }
            let culprit = try? EvidenceChecker(descriptor: descriptor, crypto: crypto).check(evidence)
            check(culprit == nil, "evidence without a valid signature convicts a signer")
        },
    ]

    /// A plain session of two signers, and one of three with all that a descriptor can hold.
    private static let descriptors: [SessionDescriptor] = {
        let points = [Point.generator(times: .one), .generator(times: .one + .one), .generator(times: Scalar(3))]
        let keys = points.compactMap(\.publicKey)
        let now = Now(monotonic: .zero, wallMilliseconds: 1_795_000_000_000)
        let small = SessionPlan(signerKeys: Array(keys.prefix(2)), messages: [[1, 2, 3]], creator: 0)
        var large = SessionPlan(signerKeys: keys, messages: [[], [UInt8](repeating: 7, count: 32)], creator: 1)
        large.tweaks = [Tweak(Scalar(5), kind: .plain), Tweak(Scalar(6), kind: .xOnly)]
        large.hasCommitmentRound = true
        large.metadata = ["purpose": "fuzz"]
        return [small, large].compactMap { plan in
            try? SessionDescriptor(plan, at: now, random: TaggedHash.hash(tag: "fuzz", [1]))
        }
    }()

    /// Two nonces of one signer for one attempt: evidence in form, but its signatures are not.
    private static let evidence: Evidence = {
        let messages = [UInt8(1), 2].map { number in
            SignedMessage(
                MessageBody(
                    sessionID: descriptors.first?.id.bytes ?? [], attempt: 1, index: 1, run: 1_795_000_000_000,
                    payload: .nonceShare(NonceShare(nonces: [generator + generator.dropLast() + [number]])))
            ) { _ in [UInt8](repeating: number, count: 64) }
        }
        return Evidence(kind: .contradiction, culprit: 1, signedMessages: messages)
    }()
}
