import Multiformats
import PeerTransport
import Secp256k1

/// Keys and peer ids that follow from small numbers.
enum TestKeys {
    /// Keys of the first numbers ascend: sessions sort their signers, and an index is then the place in a list by number.
    static func secret(_ number: UInt64) throws -> SecretKey {
        try unordered(number < ascending ? order.get()[Int(number)] : number)
    }

    /// How many keys ascend with their number.
    private static let ascending: UInt64 = 64

    private static let order = Result {
        try (0..<ascending).map { ($0, try unordered($0).publicKey) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    private static func unordered(_ number: UInt64) throws -> SecretKey {
        var generator = SeededGenerator(seed: 0x5EC2_E700 &+ number)
        return try SecretKey(generatingUsing: &generator)
    }

    static func publicKey(_ number: UInt64) throws -> PublicKey {
        try secret(number).publicKey
    }

    static func peer(_ number: UInt64) throws -> PeerID {
        var generator = SeededGenerator(seed: 0x9EE2 &+ number)
        let data = (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        return try PeerID(publicKey: PublicKeyProtobuf(type: .ed25519, data: data))
    }
}
