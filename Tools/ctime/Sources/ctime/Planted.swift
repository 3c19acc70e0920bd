import MuSig2
import Secp256k1

/// Code that leaks: each of these must be reported, or the verdict on everything else is worth nothing.
let plantedLeaks: [Check] = [
    Check("planted: a comparison that stops at the first difference") {
        let left = Secrets.bytes(1)
        let right = Secrets.bytes(2)
        let isEqual = left.withUnsafeBytes { left in right.withUnsafeBytes { comparesEarlyExit(left, $0) } }
        Secrets.consume([isEqual ? 1 : 0])
    },
    Check("planted: a table that is read at a secret place") {
        let table = (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let secret = Secrets.bytes(3)
        Secrets.consume([secret.withUnsafeBytes { readsTable(table, $0[0]) }])
    },
    Check("planted: a point multiplied by a secret in variable time") {
        let factor = Secrets.publicLooking(4)
        Secrets.consume(PublicKey.generator.multiplied(by: factor).extendedRepresentation)
    },
    Check("planted: a branch on bytes that the library drew") {
        let secret = SecretBytes.random(byteCount: 32)
        Secrets.consume([secret.withUnsafeBytes { comparesEarlyExit($0, $0) } ? 1 : 0])
    },
    Check("planted: a branch on a key that the library drew") {
        let key = SecretKey.generate()
        Secrets.consume([key.withUnsafeBytes { comparesEarlyExit($0, $0) } ? 1 : 0])
    },
    Check("planted: a table read at a place that comes from a nonce's seed") {
        let key = try Secrets.key(5)
        try whileLooking { _ = try SecretNonce.generateInAdvance(secretKey: key) }
    },
    Check("planted: a table read at a place that comes from the seed of a vault's nonce") {
        let session = try VaultSession(messages: 1)
        try whileLooking { _ = try session.generate() }
    },
]

/// Runs an operation with a leak at each place in it where the library draws secret bytes.
private func whileLooking(_ body: () throws -> Void) throws {
    let table = (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    Secrets.lookAtDrawnBytes = { bytes in Secrets.consume([readsTable(table, bytes[0])]) }
    defer { Secrets.lookAtDrawnBytes = nil }
    try body()
}

@inline(never)
private func comparesEarlyExit(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
        return false
    }
    return true
}

@inline(never)
private func readsTable(_ table: [UInt8], _ index: UInt8) -> UInt8 {
    table[Int(index)]
}
