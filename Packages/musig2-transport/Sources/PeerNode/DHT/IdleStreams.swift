import Multiformats

/// The streams on which a peer was asked and may be asked again. What it returns is to be reset by the caller.
struct IdleStreams {
    private struct Entry {
        let peer: PeerID
        let stream: PlacedStream
        let until: Duration
    }

    private let maximum: Int
    private let maximumPerPeer: Int
    private let lifetime: Duration
    /// Those that were put back last stand last.
    private var entries: [Entry] = []

    init(maximum: Int, maximumPerPeer: Int, lifetime: Duration) {
        self.maximum = maximum
        self.maximumPerPeer = maximumPerPeer
        self.lifetime = lifetime
    }

    var count: Int { entries.count }

    /// When the next stream has waited long enough.
    var nextDeadline: Duration? { entries.first?.until }

    /// The stream to a peer that was used last.
    mutating func take(_ peer: PeerID) -> (PlacedStream)? {
        guard let index = entries.lastIndex(where: { $0.peer == peer }) else { return nil }
        return entries.remove(at: index).stream
    }

    /// - Returns: The stream that has no room any more: this one, or the one that has waited longest.
    mutating func put(_ stream: PlacedStream, to peer: PeerID, at now: Duration) -> (PlacedStream)? {
        guard maximum > 0, entries.count(where: { $0.peer == peer }) < maximumPerPeer else { return stream }
        let oldest = entries.count >= maximum ? entries.removeFirst().stream : nil
        entries.append(Entry(peer: peer, stream: stream, until: now + lifetime))
        return oldest
    }

    /// - Returns: What has waited long enough.
    mutating func expire(at now: Duration) -> [PlacedStream] {
        let count = entries.prefix { $0.until <= now }.count
        defer { entries.removeFirst(count) }
        return entries.prefix(count).map(\.stream)
    }

    /// - Returns: All streams to a peer.
    mutating func remove(_ peer: PeerID) -> [PlacedStream] {
        defer { entries.removeAll { $0.peer == peer } }
        return entries.filter { $0.peer == peer }.map(\.stream)
    }

    /// - Returns: All streams.
    mutating func removeAll() -> [PlacedStream] {
        defer { entries = [] }
        return entries.map(\.stream)
    }
}
