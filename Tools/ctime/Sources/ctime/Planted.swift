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
]

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
