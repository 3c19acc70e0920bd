public import MuSig2Session
public import Secp256k1
import Synchronization

/// Counts the dear computations of a stub group. It tells no two groups apart.
public final class WorkMeter: Hashable, Sendable {
    /// What was computed.
    public struct Work: Hashable, Sendable {
        public var signatures = 0
        public var nonces = 0
        public var aggregates = 0
        public var partials = 0
    }

    private let state = Mutex(Work())

    public init() {}

    /// What was computed since the last call.
    public func take() -> Work {
        state.withLock { work in
            defer { work = Work() }
            return work
        }
    }

    func count(_ change: (inout Work) -> Void) {
        state.withLock { change(&$0) }
    }

    public static func == (left: WorkMeter, right: WorkMeter) -> Bool { true }

    public func hash(into hasher: inout Hasher) {}
}

/// MuSig2 over the integers modulo the prime 2^61 − 1, where everybody can take logarithms: quick, and right or wrong
/// in the same places as the real one. A nonce and its public half are one number k, a key is a number x, and s = Σ
/// (k_i + c·x_i) = R + c·X.
public struct StubGroup: SessionCrypto {
    static let prime: UInt64 = (1 << 61) - 1

    let signers: Int
    let messages: Int
    /// Shown, and used for nothing.
    public let finalKey: XOnlyPublicKey
    let meter: WorkMeter?

    public init(_ descriptor: SessionDescriptor, meter: WorkMeter? = nil) {
        self.meter = meter
        signers = descriptor.signerKeys.count
        messages = descriptor.messages.count
        finalKey = descriptor.signerKeys[0].xOnly
    }

    /// What follows from the aggregate nonces.
    public struct Context: Hashable, Sendable {
        let aggregates: [UInt64]
    }

    static func secretKey(_ signer: Int) -> UInt64 { 1_000 + 37 * UInt64(signer) }

    static func add(_ left: UInt64, _ right: UInt64) -> UInt64 { (left + right) % prime }

    static func multiply(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (high, low) = left.multipliedFullWidth(by: right)
        return prime.dividingFullWidth((high, low)).remainder
    }

    static func mix(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        state ^= state >> 32
        return state &* 0x9E37_79B9_7F4A_7C15
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    static func bytes(_ number: UInt64, count: Int) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) } + [UInt8](repeating: 0, count: count - 8)
    }

    func challenge(_ aggregate: UInt64, message: Int) -> UInt64 {
        Self.mix(Self.bytes(aggregate, count: 8) + [UInt8(message & 255)]) % Self.prime
    }

    public func hash(_ tag: Tag, _ bytes: [UInt8]) -> Hash32 {
        let word = Self.mix(bytes)
        return withUnsafeBytes(of: (word, word, word, word)) { Hash32($0) ?? .zero }
    }

    public static func signature(ofBody body: [UInt8], signer: Int) -> [UInt8] {
        [UInt8(signer & 255)] + bytes(mix(body), count: 63)
    }

    public func isValid(signature: [UInt8], ofBody body: [UInt8], signer: Int) -> Bool {
        meter?.count { $0.signatures += 1 }
        return signature == Self.signature(ofBody: body, signer: signer)
    }

    public func nonces(_ bytes: [[UInt8]]) -> [UInt64]? {
        guard bytes.count == messages else { return nil }
        meter?.count { $0.nonces += 1 }
        let numbers = bytes.map { Self.number($0.prefix(8)) }
        return numbers.allSatisfy { $0 < Self.prime } ? numbers : nil
    }

    public func aggregate(_ nonces: [[UInt64]]) -> (aggregateNonces: [[UInt8]], context: Context)? {
        let sums = (0..<messages).map { message in nonces.reduce(0) { Self.add($0, $1[message]) } }
        return (sums.map { Self.bytes($0, count: 66) }, Context(aggregates: sums))
    }

    public func context(aggregateNonces: [[UInt8]]) -> Context? {
        meter?.count { $0.aggregates += 1 }
        return nonces(aggregateNonces).map { Context(aggregates: $0) }
    }

    public func isWellFormed(partials: [[UInt8]]) -> Bool {
        partials.count == messages && partials.allSatisfy { Self.number($0.prefix(8)) < Self.prime }
    }

    public func partials(nonces: [UInt64], signer: Int, context: Context) -> [[UInt8]] {
        nonces.enumerated().map { message, nonce in
            let challenge = challenge(context.aggregates[message], message: message)
            return Self.bytes(Self.add(nonce, Self.multiply(challenge, Self.secretKey(signer))), count: 32)
        }
    }

    public func isValid(partials: [[UInt8]], nonces: [UInt64], signer: Int, context: Context) -> Bool {
        meter?.count { $0.partials += 1 }
        return partials == self.partials(nonces: nonces, signer: signer, context: context)
    }

    public func signatures(partials: [[[UInt8]]], context: Context) -> [SchnorrSignature]? {
        let signatures = (0..<messages).map { message in
            let sum = partials.reduce(0) { Self.add($0, Self.number($1[message].prefix(8))) }
            return Self.signature(context.aggregates[message], sum)
        }
        return isValid(signatures: signatures) ? signatures : nil
    }

    private static func signature(_ r: UInt64, _ s: UInt64) -> SchnorrSignature {
        SchnorrSignature(r: Hash32(bytes(r, count: 32)) ?? .zero, s: Hash32(bytes(s, count: 32)) ?? .zero)
    }

    public func isValid(signatures: [SchnorrSignature]) -> Bool {
        guard signatures.count == messages else { return false }
        let key = (0..<signers).reduce(0) { Self.add($0, Self.secretKey($1)) }
        return signatures.enumerated().allSatisfy { message, signature in
            let r = Self.number(signature.r.bytes.prefix(8))
            let s = Self.number(signature.s.bytes.prefix(8))
            return s == Self.add(r, Self.multiply(challenge(r, message: message), key))
        }
    }
}
