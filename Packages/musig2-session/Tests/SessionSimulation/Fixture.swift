public import MuSig2Session
public import Multiformats
public import Secp256k1

/// A small generator with a seed, so that a failure can be run again.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Keys, peers and descriptors by number.
public enum Fixture {
    /// The wall clock at which simulations begin, in milliseconds.
    public static let wall: UInt64 = 1_700_000_000_000

    /// The beginning.
    public static let start = Now(monotonic: .zero, wallMilliseconds: wall)

    /// The secret key of a signer. Small numbers: these keys guard nothing.
    public static func secretKey(_ signer: Int) throws -> SecretKey {
        let number = signer + 7
        var bytes = SecretBytes(byteCount: 32)
        bytes.withUnsafeMutableBytes { buffer in
            for position in buffer.indices { buffer[position] = 0 }
            buffer[30] = UInt8(number / 256)
            buffer[31] = UInt8(number % 256)
        }
        return try SecretKey(bytes)
    }

    /// The public key of a signer.
    public static func publicKey(_ signer: Int) throws -> PublicKey {
        try secretKey(signer).publicKey
    }

    /// The peer of a signer.
    public static func peer(_ signer: Int) throws -> PeerID {
        let key = [UInt8](repeating: UInt8(signer / 256 + 1), count: 31) + [UInt8(signer % 256)]
        return try PeerID(bytes: [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + key)
    }

    /// A plan of n signers and some messages.
    public static func plan(signers: Int, messages: Int = 1) throws -> SessionPlan {
        SessionPlan(
            signerKeys: try (0..<signers).map { try publicKey($0) },
            messages: (0..<messages).map { Array("message \($0)".utf8) },
            creator: 0
        )
    }

    /// A descriptor of a plan, made at the start; the number makes it a session of its own.
    public static func descriptor(_ plan: SessionPlan, number: UInt8 = 1) throws -> SessionDescriptor {
        let random = Hash32([UInt8](repeating: number, count: 32)) ?? .zero
        return try SessionDescriptor(plan, at: start, random: random)
    }
}
