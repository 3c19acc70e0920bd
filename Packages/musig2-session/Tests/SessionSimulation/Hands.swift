public import MuSig2Session
public import Secp256k1

/// What a signer's process does for its machine: keys and nonces. One value for each life of the process.
public protocol Hands<Crypto> {
    associatedtype Crypto: SessionCrypto

    /// Draws nonces under a handle.
    mutating func generate(_ handle: NonceHandle) throws -> [[UInt8]]
    /// Uses them up.
    mutating func sign(_ handle: NonceHandle, _ context: Crypto.Context) throws -> [[UInt8]]
    /// Forgets them.
    mutating func wipe(_ handle: NonceHandle)
    /// Signs a message body.
    func signature(ofBody body: [UInt8]) throws -> [UInt8]
}

/// Why nonces were refused.
public enum HandsError: Error, Equatable {
    case drawnTwice(NonceHandle)
    case signedTwice(NonceHandle)
    case notDrawn(NonceHandle)
}

/// Hands for the stub group. They remember every handle, so that a second signature with one is an error.
public struct StubHands: Hands, Hashable, Sendable {
    public typealias Crypto = StubGroup

    private let crypto: StubGroup
    private let signer: Int
    private var held: Set<NonceHandle> = []
    private var spent: Set<NonceHandle> = []

    public init(crypto: StubGroup, signer: Int) {
        self.crypto = crypto
        self.signer = signer
    }

    /// A nonce that only depends on what must make it different. A real one is random besides.
    public static func nonce(signer: Int, attempt: UInt32, run: UInt64, message: Int) -> UInt64 {
        let place = [UInt64(signer), UInt64(attempt), run, UInt64(message)]
        return StubGroup.mix(place.flatMap { StubGroup.bytes($0, count: 8) }) % StubGroup.prime
    }

    private func nonces(_ handle: NonceHandle) -> [UInt64] {
        (0..<crypto.messages).map {
            Self.nonce(signer: signer, attempt: handle.attempt, run: handle.run, message: $0)
        }
    }

    public mutating func generate(_ handle: NonceHandle) throws -> [[UInt8]] {
        guard !held.contains(handle), !spent.contains(handle) else { throw HandsError.drawnTwice(handle) }
        held.insert(handle)
        return nonces(handle).map { StubGroup.bytes($0, count: 66) }
    }

    public mutating func sign(_ handle: NonceHandle, _ context: StubGroup.Context) throws -> [[UInt8]] {
        guard !spent.contains(handle) else { throw HandsError.signedTwice(handle) }
        guard held.remove(handle) != nil else { throw HandsError.notDrawn(handle) }
        spent.insert(handle)
        return crypto.partials(nonces: nonces(handle), signer: signer, context: context)
    }

    public mutating func wipe(_ handle: NonceHandle) {
        if held.remove(handle) != nil { spent.insert(handle) }
    }

    public func signature(ofBody body: [UInt8]) throws -> [UInt8] { StubGroup.signature(ofBody: body, signer: signer) }
}

/// Hands with a real key and the real vault.
public final class RealHands: Hands {
    public typealias Crypto = BIP327

    private var vault = NonceVault()
    private let key: SecretKey
    private let crypto: BIP327

    public init(crypto: BIP327, key: consuming SecretKey) {
        self.crypto = crypto
        self.key = key
    }

    public func generate(_ handle: NonceHandle) throws -> [[UInt8]] {
        try vault.generate(handle, for: crypto, secretKey: key)
    }

    public func sign(_ handle: NonceHandle, _ context: BIP327.Context) throws -> [[UInt8]] {
        try vault.sign(handle, in: context, secretKey: key)
    }

    public func wipe(_ handle: NonceHandle) { vault.wipe(handle) }

    public func signature(ofBody body: [UInt8]) throws -> [UInt8] {
        try Tag.message.sign(body, with: key).rawRepresentation
    }
}
