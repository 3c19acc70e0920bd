import Multiformats
import PeerTransport
import Synchronization

/// The place through which the peers of this example reach each other: put a relay, a chat or a USB stick here.
final class MailRoom: Sendable {
    fileprivate struct State {
        var boxes: [PeerID: MailboxNetwork] = [:]
        /// Pairs of connected peers: each in both directions or in none.
        var links: Set<[PeerID]> = []
    }

    fileprivate let state = Mutex(State())
}

/// A network made from nothing but the public protocol. `PeerEventQueue` does the waiting, the bounds and the fairness.
final class MailboxNetwork: PeerNetwork {
    let localPeer: PeerID
    let addresses: [Multiaddr] = []
    private let room: MailRoom
    private let events = PeerEventQueue()

    init(peer: PeerID, room: MailRoom) {
        (localPeer, self.room) = (peer, room)
        room.state.withLock { $0.boxes[peer] = self }
    }

    func connect(to peer: PeerID, addresses: [Multiaddr]) {
        room.state.withLock { state in
            guard state.boxes[localPeer] === self, !state.links.contains([localPeer, peer]) else { return }
            guard peer != localPeer, let other = state.boxes[peer] else {
                events.push(.connectFailed(peer, reason: "\(peer) has no box in this mail room"))
                return
            }
            state.links.formUnion([[localPeer, peer], [peer, localPeer]])
            events.push(.connected(peer))
            other.events.push(.connected(localPeer))
        }
    }

    func send(_ frame: [UInt8], to peer: PeerID) {
        room.state.withLock { state in
            guard state.links.contains([localPeer, peer]) else { return }
            // A box that is full loses the frame; sessions ask again for what they miss.
            state.boxes[peer]?.events.push(.frame(frame, from: localPeer))
        }
    }

    func disconnect(_ peer: PeerID) {
        room.state.withLock { state in
            guard state.links.remove([localPeer, peer]) != nil else { return }
            state.links.remove([peer, localPeer])
            events.push(.disconnected(peer))
            state.boxes[peer]?.events.push(.disconnected(localPeer))
        }
    }

    func nextEvents() async -> [PeerNetworkEvent] {
        await events.next()
    }

    func shutdown() async {
        let peers = room.state.withLock { state in
            if state.boxes[localPeer] === self { state.boxes[localPeer] = nil }
            return state.links.filter { $0.first == localPeer }.compactMap(\.last)
        }
        for peer in peers { disconnect(peer) }
        events.close()
    }
}
