import Multiformats
import PeerTransport
import Secp256k1

/// Keys and peer ids that follow from small numbers.
enum TestKeys {
    static func secret(_ number: UInt64) throws -> SecretKey {
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
