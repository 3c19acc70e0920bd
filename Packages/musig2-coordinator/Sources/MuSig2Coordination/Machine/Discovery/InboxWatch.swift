import MuSig2Session

/// How this node's own inbox is watched.
struct InboxWatch: Sendable {
    private let interval: Duration
    /// When to look next.
    private(set) var nextAt: Duration
    /// The sessions that were told.
    private var told: Set<SessionID> = []

    /// Watches from now on.
    init(every interval: Duration, at time: Duration) {
        self.interval = interval
        nextAt = time
    }

    /// Whether it is time to look, which is taken.
    mutating func take(at time: Duration) -> Bool {
        guard nextAt <= time else { return false }
        nextAt = time + interval
        return true
    }

    /// What waits, so far as it was not told before.
    ///
    /// - Parameters:
    ///   - waiting: All that was shown.
    ///   - previews: The sessions that are known: what is not among them any more is over, or so old that it may be told again.
    /// - Returns: The news.
    mutating func news(of waiting: [SessionPreview], previews: PreviewCache) -> [SessionPreview] {
        let news = waiting.filter { !told.contains($0.session) }
        told = told.filter { previews[$0] != nil }.union(waiting.map(\.session))
        return news
    }
}
