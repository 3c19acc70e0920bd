import Secp256k1
import Testing

@testable import MuSig2

/// A round of a signer, by reference, since the macros of the tests call nothing that mutates.
private final class Signer {
    let key: SecretKey
    private var round: SigningRound

    init(_ message: [UInt8], _ context: KeyAggContext, _ key: consuming SecretKey) throws {
        round = try SigningRound(of: message, under: context, as: key)
        self.key = key
    }

    var publicKey: PublicKey { round.publicKey }
    var publicNonce: PublicNonce { round.publicNonce }
    var missingNonces: [PublicKey] { round.missingNonces }
    var missingPartialSignatures: [PublicKey] { round.missingPartialSignatures }

    func add(nonce bytes: [UInt8], of key: PublicKey) throws(SigningRoundError) { try round.addNonce(bytes, of: key) }
    func add(partial bytes: [UInt8], of key: PublicKey) throws(SigningRoundError) {
        try round.addPartialSignature(bytes, of: key)
    }
    func sign() throws(SigningRoundError) -> PartialSignature { try round.sign(with: key) }
    func sign(with another: borrowing SecretKey) throws(SigningRoundError) -> PartialSignature {
        try round.sign(with: another)
    }
    func signature() throws(SigningRoundError) -> SchnorrSignature { try round.signature() }
}

@Suite("A round of a program without a network")
struct SigningRoundTests {
    private let message = Array("pay 1".utf8)

    private func signers(_ count: Int, seed: UInt64 = 1) throws -> (context: KeyAggContext, signers: [Signer]) {
        var generator = SeededGenerator(seed: seed)
        var keys: [[UInt8]] = []
        for _ in 0..<count {
            keys.append(try SecretKey(generatingUsing: &generator).withUnsafeBytes { Array($0) })
        }
        let context = try KeyAggContext(keys: KeySort.sorted(try keys.map { try makeSecretKey($0).publicKey }))
        return (context, try keys.map { try Signer(message, context, makeSecretKey($0)) })
    }

    private func exchangeNonces(_ signers: [Signer]) throws {
        for signer in signers {
            for other in signers { try signer.add(nonce: other.publicNonce.rawRepresentation, of: other.publicKey) }
        }
    }

    private func exchangePartials(_ signers: [Signer]) throws {
        for signer in signers {
            for other in signers { try signer.add(partial: try other.sign().rawRepresentation, of: other.publicKey) }
        }
    }

    /// Each signer gets the nonces and partial signatures of all, its own included, shuffled, some of them twice: the partial
    /// signature of a signer may come before the nonce of another.
    @Test("In any order, and twice", arguments: 1...16 as ClosedRange<UInt64>)
    func inAnyOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (context, signers) = try signers(Int.random(in: 1...7, using: &generator), seed: seed)
        enum Item {
            case nonce(Int)
            case partial(Int)
        }
        var inboxes = signers.map { _ in (signers.indices.map(Item.nonce)).shuffled(using: &generator) }
        var hasSigned = Set<Int>()
        var rounds = 0
        while inboxes.contains(where: { !$0.isEmpty }) {
            rounds += 1
            try #require(rounds < 10_000, "seed \(seed)")
            let index = try #require(inboxes.indices.filter { !inboxes[$0].isEmpty }.randomElement(using: &generator))
            let item = inboxes[index].removeFirst()
            for _ in 0..<Int.random(in: 1...2, using: &generator) {
                switch item {
                case .nonce(let other):
                    let nonce = signers[other].publicNonce.rawRepresentation
                    try signers[index].add(nonce: nonce, of: signers[other].publicKey)
                case .partial(let other):
                    let partial = try signers[other].sign().rawRepresentation
                    try signers[index].add(partial: partial, of: signers[other].publicKey)
                }
            }
            guard signers[index].missingNonces.isEmpty, hasSigned.insert(index).inserted else { continue }
            _ = try signers[index].sign()
            for other in inboxes.indices {
                let place = Int.random(in: 0...inboxes[other].count, using: &generator)
                inboxes[other].insert(.partial(index), at: place)
            }
        }
        let signatures = try signers.map { try $0.signature() }
        #expect(Set(signatures).count == 1, "seed \(seed)")
        #expect(context.xOnlyKey.isValidSignature(signatures[0], for: message), "seed \(seed)")
    }

    @Test("What is missing is named by key")
    func missing() throws {
        let (context, signers) = try signers(3)
        let first = signers[0]
        let others = context.keys.filter { $0 != first.publicKey }
        #expect(first.missingNonces == others && first.missingPartialSignatures == context.keys)
        #expect(throws: SigningRoundError.missing(.publicNonce, of: others)) { try first.sign() }
        #expect(throws: SigningRoundError.missing(.publicNonce, of: others)) { try first.signature() }
        try exchangeNonces(signers)
        _ = try first.sign()
        #expect(first.missingNonces.isEmpty && first.missingPartialSignatures == others)
        #expect(throws: SigningRoundError.missing(.partialSignature, of: others)) { try first.signature() }
    }

    @Test("A nonce makes one partial signature")
    func oneNonceOnePartial() throws {
        let (_, signers) = try signers(2)
        try exchangeNonces(signers)
        let stranger = SecretKey.generate()
        let error = SigningRoundError.anotherKey(expected: signers[0].publicKey, found: stranger.publicKey)
        #expect(throws: error) { try signers[0].sign(with: stranger) }
        let partial = try signers[0].sign()
        #expect(try signers[0].sign() == partial)
        // A nonce that comes afterwards cannot change what was signed for.
        let other = signers[1].publicKey
        let late = try SecretNonce.generateInAdvance(secretKey: stranger).publicNonce.rawRepresentation
        #expect(throws: SigningRoundError.conflicting(.publicNonce, of: other)) {
            try signers[0].add(nonce: late, of: other)
        }
        #expect(try signers[0].sign() == partial)
    }

    @Test("What a signer says twice must be the same")
    func repetitions() throws {
        let (_, signers) = try signers(2)
        let (first, other) = (signers[0], signers[1].publicKey)
        let foreign = try SecretNonce.generateInAdvance(secretKey: signers[1].key).publicNonce.rawRepresentation
        try first.add(nonce: signers[1].publicNonce.rawRepresentation, of: other)
        try first.add(nonce: signers[1].publicNonce.rawRepresentation, of: other)
        #expect(throws: SigningRoundError.conflicting(.publicNonce, of: other)) {
            try first.add(nonce: foreign, of: other)
        }
        #expect(throws: SigningRoundError.conflicting(.publicNonce, of: first.publicKey), "in this signer's name") {
            try first.add(nonce: foreign, of: first.publicKey)
        }
        let (one, two) = ([UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32))
        try first.add(partial: one, of: other)
        try first.add(partial: one, of: other)
        #expect(throws: SigningRoundError.conflicting(.partialSignature, of: other)) {
            try first.add(partial: two, of: other)
        }
        #expect(throws: SigningRoundError.conflicting(.partialSignature, of: first.publicKey)) {
            try first.add(partial: one, of: first.publicKey)
        }
    }

    @Test("Blame is by key, whatever the order of the keys")
    func blame() throws {
        let (context, signers) = try signers(4)
        try exchangeNonces(signers)
        for signer in signers { _ = try signer.sign() }
        let judge = signers[3]
        let liars = [signers[0].publicKey, signers[2].publicKey]
        for signer in signers.dropLast() {
            let partial =
                liars.contains(signer.publicKey)
                ? [UInt8](repeating: 7, count: 32) : try signer.sign().rawRepresentation
            try judge.add(partial: partial, of: signer.publicKey)
        }
        let named = context.keys.filter(liars.contains)
        #expect(throws: SigningRoundError.invalidPartialSignatures(of: named)) { try judge.signature() }
        #expect(
            SigningRoundError.invalidPartialSignatures(of: named).description
                == "partial signatures: expected valid ones, found invalid ones of \(named[0]), \(named[1])")
    }

    @Test("What is malformed, or of a stranger, is refused")
    func refused() throws {
        let (_, signers) = try signers(2)
        let (first, other) = (signers[0], signers[1].publicKey)
        let stranger = SecretKey.generate().publicKey
        let nonce = signers[1].publicNonce.rawRepresentation
        #expect(throws: SigningRoundError.notASigner(stranger)) { try first.add(nonce: nonce, of: stranger) }
        #expect(throws: SigningRoundError.notASigner(stranger)) {
            try first.add(partial: [UInt8](repeating: 1, count: 32), of: stranger)
        }
        let short = SigningRoundError.malformed(.publicNonce, of: other, .wrongLength(expected: 66, found: 65))
        #expect(throws: short) { try first.add(nonce: nonce.dropLast(), of: other) }
        #expect(short.description == "public nonce of \(other): expected 66 bytes, found 65")
        #expect(throws: SigningRoundError.malformed(.partialSignature, of: other, .scalarNotBelowOrder)) {
            try first.add(partial: [UInt8](repeating: 0xFF, count: 32), of: other)
        }
        #expect(first.missingNonces == [other] && first.missingPartialSignatures.contains(other))
    }

    @Test("A round has each key once, and its own among them")
    func keys() throws {
        let one = SecretKey.generate()
        let two = SecretKey.generate()
        let twice = try KeyAggContext(keys: [one.publicKey, two.publicKey, one.publicKey])
        #expect(throws: SigningRoundError.repeatedKey(one.publicKey)) {
            _ = try SigningRound(of: message, under: twice, as: one)
        }
        let others = try KeyAggContext(keys: [one.publicKey])
        #expect(throws: SigningRoundError.notASigner(two.publicKey)) {
            _ = try SigningRound(of: message, under: others, as: two)
        }
        let tooLong = [UInt8](repeating: 0, count: MuSig2Limits.maximumExtraInputBytes + 1)
        let error = NonceGenError.extraInputTooLong(limit: tooLong.count - 1, found: tooLong.count)
        #expect(throws: SigningRoundError.cannotDrawNonce(error)) {
            _ = try SigningRound(of: message, under: others, as: one, extraInput: tooLong)
        }
    }

    @Test("A tweaked key is signed for like any other")
    func tweaked() throws {
        var generator = SeededGenerator(seed: 3)
        let raw = try (0..<2).map { _ in try SecretKey(generatingUsing: &generator).withUnsafeBytes { Array($0) } }
        let context = try KeyAggContext(keys: try raw.map { try makeSecretKey($0).publicKey })
            .applyingTweaks([Tweak(.one, kind: .plain), Tweak(.one, kind: .xOnly)])
        let signers = try raw.map { try Signer(message, context, makeSecretKey($0)) }
        try exchangeNonces(signers)
        for signer in signers { _ = try signer.sign() }
        try exchangePartials(signers)
        #expect(context.xOnlyKey.isValidSignature(try signers[1].signature(), for: message))
    }
}
