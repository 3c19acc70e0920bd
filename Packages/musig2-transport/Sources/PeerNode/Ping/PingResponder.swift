import Multiformats
import PeerTransport
import Synchronization

/// Sends back what it is sent, in rounds of 32 bytes, as often as the other side likes: the answering side of
/// `/ipfs/ping/1.0.0`.
final class PingResponder: StreamResponder {
    /// The bytes of one round.
    static let round = 32

    private var partial: [UInt8] = []
    private let slot: PingSlots.Slot

    /// - Parameter slot: The place of the stream among those of its peer.
    init(slot: PingSlots.Slot) {
        self.slot = slot
    }

    func maximumAnswer(to count: Int) -> Int { count + Self.round }

    func receive(_ bytes: [UInt8]) -> ResponderAction {
        guard !partial.isEmpty || bytes.count % Self.round != 0 else { return .send(bytes) }
        partial += bytes
        let whole = partial.count - partial.count % Self.round
        defer { partial.removeFirst(whole) }
        return .send(Array(partial[..<whole]))
    }

    func receiveEnd() -> ResponderAction { .finish([]) }
}

/// Counts the ping streams that each peer has open here.
final class PingSlots: Sendable {
    /// The place of one stream; it is free again when this is let go.
    final class Slot: Sendable {
        private let slots: PingSlots
        private let peer: PeerID

        fileprivate init(_ slots: PingSlots, _ peer: PeerID) {
            self.slots = slots
            self.peer = peer
        }

        deinit { slots.release(peer) }
    }

    private let limit: Int
    private let taken = Mutex<[PeerID: Int]>([:])

    /// - Parameter limit: The most streams of one peer.
    init(limit: Int) {
        self.limit = limit
    }

    /// A place for one more stream of a peer; nil when it has as many as it may.
    func take(_ peer: PeerID) -> Slot? {
        let limit = limit
        let isTaken = taken.withLock { taken in
            guard taken[peer, default: 0] < limit else { return false }
            taken[peer, default: 0] += 1
            return true
        }
        return isTaken ? Slot(self, peer) : nil
    }

    private func release(_ peer: PeerID) {
        taken.withLock { taken in
            let left = taken[peer, default: 1] - 1
            taken[peer] = left > 0 ? left : nil
        }
    }
}
