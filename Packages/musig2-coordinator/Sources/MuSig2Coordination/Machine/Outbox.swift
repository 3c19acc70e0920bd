import MuSig2Session
import Multiformats
import WireCodec

/// What waits to be sent, for each peer: all of one turn goes in one frame, or in as few as the frame limit allows.
struct Outbox: Sendable {
    private struct Lane {
        var items: [FrameItem] = []
        /// Items that may wait for the next frame to the peer.
        var lazyItems: [FrameItem] = []
        var lazySince: Duration?

        /// Returns whether it is the first item.
        mutating func append(_ item: FrameItem) -> Bool {
            items.append(item)
            return items.count == 1
        }
    }

    private var lanes: [PeerID: Lane] = [:]
    /// The peers with something that may not wait, in the order in which it came.
    private var due: [PeerID] = []
    private let frameBytes: Int

    /// The longest that a lazy item waits.
    static let laziness = Duration.milliseconds(200)
    /// The most lazy items that wait for one peer.
    static let lazyLimit = 128

    /// When the oldest lazy item may wait no longer.
    private(set) var deadline: Duration?

    init(frameBytes: Int) {
        self.frameBytes = frameBytes
    }

    mutating func append(_ item: FrameItem, to peer: PeerID) {
        let isFirst = lanes[peer, default: Lane()].append(item)
        if isFirst { due.append(peer) }
    }

    mutating func appendLazily(_ item: FrameItem, to peer: PeerID, at time: Duration) {
        lanes[peer, default: Lane()].lazyItems.append(item)
        if lanes[peer]?.lazySince == nil { lanes[peer]?.lazySince = time }
        let last = time + Self.laziness
        deadline = min(deadline ?? last, last)
        if let count = lanes[peer]?.lazyItems.count, count >= Self.lazyLimit { hurry(peer) }
    }

    /// Forgets what waits for a peer that is gone.
    mutating func discard(_ peer: PeerID) {
        lanes[peer] = nil
        due.removeAll { $0 == peer }
    }

    /// Takes out what waits of a session that has ended, but for ABORTs and DECLINEs.
    mutating func dropSession(_ session: SessionID) {
        let id = session.bytes
        for peer in Array(lanes.keys) {
            lanes[peer]?.items.removeAll { Self.isDropped($0, of: id) }
            lanes[peer]?.lazyItems.removeAll { Self.isDropped($0, of: id) }
            if lanes[peer]?.items.isEmpty == true { due.removeAll { $0 == peer } }
        }
    }

    private static func isDropped(_ item: FrameItem, of session: [UInt8]) -> Bool {
        switch item {
        case .signedMessage(let message): message.body.sessionID == session && !message.body.type.endsSession
        case .sync(let sync): sync.sessionID == session
        case .error(let reply): reply.sessionID == session
        case .announcement(let signed):
            SessionID(descriptorBytes: signed.announcement.descriptorBytes).bytes == session
        // This node's own announcements are deflated only as a frame is written.
        case .signatureFinalized, .hello, .helloProof, .helloJoiner, .helloAnnouncements, .deflated: false
        }
    }

    /// Makes the lazy items that waited long enough due.
    mutating func hurryLate(at time: Duration) {
        guard let deadline, deadline <= time else { return }
        self.deadline = nil
        for (peer, lane) in lanes {
            guard let since = lane.lazySince else { continue }
            let last = since + Self.laziness
            if last <= time { hurry(peer) } else { self.deadline = min(self.deadline ?? last, last) }
        }
    }

    /// Makes all lazy items due.
    mutating func hurryAll() {
        for peer in lanes.keys { hurry(peer) }
        deadline = nil
    }

    /// Takes what is due, as encoded frames.
    mutating func takeFrames() -> [(frame: [UInt8], peer: PeerID)] {
        guard !due.isEmpty else { return [] }
        var frames: [(frame: [UInt8], peer: PeerID)] = []
        frames.reserveCapacity(due.count)
        for peer in due {
            guard let lane = lanes.removeValue(forKey: peer) else { continue }
            for frame in encode(lane.items + lane.lazyItems) { frames.append((frame, peer)) }
        }
        due.removeAll(keepingCapacity: true)
        return frames
    }

    private mutating func hurry(_ peer: PeerID) {
        guard let lane = lanes[peer], !lane.lazyItems.isEmpty else { return }
        if lane.items.isEmpty { due.append(peer) }
        lanes[peer]?.items += lane.lazyItems
        lanes[peer]?.lazyItems = []
        lanes[peer]?.lazySince = nil
    }

    /// Encodes the items as one frame, or splits them where one would be too long. An item that is too long alone is dropped: the
    /// limits of descriptors and contributions leave none.
    private func encode(_ items: [FrameItem]) -> [[UInt8]] {
        let whole = Frame(items).encoded()
        if whole.count <= frameBytes, items.count <= WireLimits.standard.frameItems { return [whole] }
        guard items.count > 1 else { return [] }
        let middle = items.count / 2
        return encode(Array(items[..<middle])) + encode(Array(items[middle...]))
    }
}
