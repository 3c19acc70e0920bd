import Multiformats
import PeerTransport
import PeerTransportTestKit

/// A peer id that nobody has the key of: a number in the place of an Ed25519 key.
func testPeer(_ number: UInt8) throws -> PeerID {
    let key = try PublicKeyProtobuf(type: .ed25519, data: [UInt8](repeating: number, count: 32))
    return try PeerID(publicKey: key)
}

/// Every 16-bit half of a short array of bytes, so that tests can name frames by numbers.
func frame(_ number: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
}
