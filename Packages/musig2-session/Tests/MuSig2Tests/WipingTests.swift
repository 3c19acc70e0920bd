import Testing

@testable import MuSig2
@testable import Secp256k1

/// Each test lends memory of its own to a secret nonce, lets the nonce go, and looks at what is left in that memory.
@Suite("Wiping")
struct WipingTests {
    private static let halves = [[UInt8](repeating: 0x11, count: 32), [UInt8](repeating: 0x22, count: 32)]
    private static let zeros = [[UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32)]

    @Test("A nonce that is used is gone")
    func signed() throws {
        let group = try Group(seed: 60, count: 2)
        let key = try group.signers.secretKey(0)
        let left = try Self.memoryLeft(publicKey: key.publicKey) { nonce in
            let publicNonce = nonce.publicNonce
            let session = try group.session(publicNonces: [publicNonce, group.publicNonces[1]])
            let partial = try session.sign(nonce, with: key)
            #expect(session.isValid(partial, publicNonce: publicNonce, signer: 0))
        }
        #expect(left == Self.zeros)
    }

    @Test("A nonce that is dropped is gone")
    func dropped() throws {
        let left = try Self.memoryLeft(publicKey: .generator) { nonce in
            #expect(nonce.rawRepresentation().prefix(64) == (Self.halves[0] + Self.halves[1])[...])
        }
        #expect(left == Self.zeros)
    }

    @Test("A nonce that is refused is gone: that of another key, that of a stranger")
    func refused() throws {
        let group = try Group(seed: 61, count: 2)
        let stranger = try makeSecretKey([UInt8](repeating: 5, count: 32))
        for owner in [group.context.keys[1], stranger.publicKey] {
            let left = try Self.memoryLeft(publicKey: owner) { nonce in
                let key = try makeSecretKey([UInt8](repeating: 5, count: 32))
                #expect(Self.refusal(of: nonce, by: group.session, key: key) != nil)
            }
            #expect(left == Self.zeros)
        }
    }

    @Test("A nonce with a sum of zero is refused, and gone", arguments: [true, false])
    func degenerate(isNonceZero: Bool) throws {
        // One signer, any aggregate nonce: so b and e are known before the nonce is chosen.
        let group = try Group(seed: 62, count: 1, tweakCount: 1)
        let session = group.session
        let second = try #require(Scalar(canonical: Self.halves[1]))
        let key = try group.signers.secretKey(0)
        let keyTerm = key.secretScalar().declassify() * session.keyFactor(ofSigner: 0)
        // k₁ + b·k₂ is zero, or ±(k₁ + b·k₂) + e·a·d is.
        let sum = isNonceZero ? Scalar.zero : session.negatesNonce ? keyTerm : keyTerm.negated
        let first = sum - session.nonceCoefficient * second
        let left = try Self.memoryLeft([first.bytes, Self.halves[1]], publicKey: key.publicKey) { nonce in
            #expect(Self.refusal(of: nonce, by: session, key: key) == .degenerate)
        }
        #expect(left == Self.zeros)
    }

    @Test("The randomness that a nonce was made of is gone", arguments: [true, false])
    func seed(isMasked: Bool) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: Self.halves[0])
        let key = try makeSecretKey(Self.halves[1])
        var seed = NonceSeed(SecretBytes(wipingButNotFreeing: buffer))
        if isMasked {
            seed.mask(with: key)
        }
        let isDrawn =
            try seed.nonce(publicKey: key.publicKey, aggregateKey: nil, message: nil, extraInput: []) != nil
        #expect(isDrawn)
        #expect(Array(buffer) == Self.zeros[0])
    }

    /// What is left of the two halves after `body` was given a nonce that owns the memory they are in.
    private static func memoryLeft(
        _ halves: [[UInt8]] = halves, publicKey: PublicKey, _ body: (consuming SecretNonce) throws -> Void
    ) throws -> [[UInt8]] {
        let buffers = halves.map { half in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: half.count, alignment: 16)
            buffer.copyBytes(from: half)
            return buffer
        }
        defer {
            for buffer in buffers {
                buffer.deallocate()
            }
        }
        let nonce = try SecretNonce(
            first: SecretScalar(SecretBytes(wipingButNotFreeing: buffers[0])),
            second: SecretScalar(SecretBytes(wipingButNotFreeing: buffers[1])),
            publicKey: publicKey
        )
        try body(nonce)
        return buffers.map { Array($0) }
    }

    private static func refusal(
        of nonce: consuming SecretNonce, by session: SigningSession, key: borrowing SecretKey
    ) -> PartialSignError? {
        do throws(PartialSignError) {
            _ = try session.sign(nonce, with: key)
            return nil
        } catch {
            return error
        }
    }
}
