public import Secp256k1
public import WireCodec

/// The order in which signers are coordinators: the attempt a has order[(a − 1) mod n].
public struct ElectionOrder: Hashable, Sendable {
    /// Positions of signers, first coordinator first; empty if there is no election.
    public let indices: [Int]

    /// Computes the order; of `hashWithID` a creator can try session ids until it likes it, which is harmless: a
    /// coordinator can stall, never forge.
    ///
    /// - Parameters:
    ///   - method: How.
    ///   - session: The session's id.
    ///   - signerKeys: The signers' keys in the descriptor's order, as written.
    public init(method: ElectionMethod, session: SessionID, signerKeys: [PublicKey]) {
        let positions = Array(signerKeys.indices)
        switch method {
        case .hashWithID:
            let prefix = session.bytes
            indices = Self.sorted(positions) {
                Tag.election.hash(prefix + signerKeys[$0].compressedRepresentation)
            }
        case .lexicographic:
            indices = Self.sorted(positions) { signerKeys[$0] }
        case .hash:
            indices = Self.sorted(positions) { Tag.election.hash(signerKeys[$0].compressedRepresentation) }
        case .first:
            indices = positions
        case .last:
            indices = positions.reversed()
        case .off:
            indices = []
        }
    }

    /// The coordinator of an attempt; nil if there is no election.
    ///
    /// - Parameter attempt: The attempt, from 1.
    /// - Returns: The position of the coordinator.
    public func coordinator(ofAttempt attempt: UInt32) -> Int? {
        guard !indices.isEmpty, attempt > 0 else { return nil }
        return indices[Int(attempt - 1) % indices.count]
    }

    private static func sorted<Key: Comparable>(_ positions: [Int], by key: (Int) -> Key) -> [Int] {
        positions.map { (key: key($0), position: $0) }
            .sorted { ($0.key, $0.position) < ($1.key, $1.position) }
            .map(\.position)
    }
}
