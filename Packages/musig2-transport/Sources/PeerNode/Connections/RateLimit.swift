/// How often something may happen: at once as often as ``burst``, in the long run ``perSecond`` times a second.
public struct RateLimit: Sendable, Hashable {
    /// How often at once.
    public var burst: Int

    /// How often in a second, in the long run.
    public var perSecond: Double

    /// Makes a limit; values that make no sense count as the smallest that do.
    ///
    /// - Parameters:
    ///   - burst: How often at once.
    ///   - perSecond: How often in a second, in the long run.
    public init(burst: Int, perSecond: Double) {
        self.burst = max(1, burst)
        self.perSecond = perSecond > 0 && perSecond.isFinite ? perSecond : 0.001
    }
}

/// What is left of a ``RateLimit``.
struct TokenBucket {
    private let limit: RateLimit
    private var tokens: Double
    private var since: Duration

    init(_ limit: RateLimit, at now: Duration) {
        self.limit = limit
        tokens = Double(limit.burst)
        since = now
    }

    /// Whether the thing may happen once more now; if so, it is counted.
    mutating func take(at now: Duration) -> Bool {
        refill(at: now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// Counts the thing once more, in advance when it may not happen yet.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - patience: How long it may have to wait.
    /// - Returns: How long until it may happen: zero for now. Nil when that is longer than the patience: then it is not counted.
    mutating func reserve(at now: Duration, waiting patience: Duration) -> Duration? {
        refill(at: now)
        let missing = max(0, 1 - tokens) / limit.perSecond
        guard missing <= patience.inSeconds else { return nil }
        tokens -= 1
        return .seconds(missing)
    }

    /// Whether nothing is missing, so that the bucket need not be kept.
    mutating func isFull(at now: Duration) -> Bool {
        refill(at: now)
        return tokens >= Double(limit.burst)
    }

    private mutating func refill(at now: Duration) {
        guard now > since else { return }
        tokens = min(Double(limit.burst), tokens + (now - since).inSeconds * limit.perSecond)
        since = now
    }
}

/// Buckets by key, as many as there may be: when there are too many, those that are full go, and if none is, nothing more
/// is let through but what is known.
struct RateTable<Key: Hashable> {
    private let limit: RateLimit
    private let capacity: Int
    private var buckets: [Key: TokenBucket] = [:]

    init(_ limit: RateLimit, capacity: Int) {
        self.limit = limit
        self.capacity = max(1, capacity)
    }

    var count: Int { buckets.count }

    mutating func take(_ key: Key, at now: Duration) -> Bool {
        makeRoom(for: key, at: now)
        return buckets[key]?.take(at: now) ?? false
    }

    /// See ``TokenBucket/reserve(at:waiting:)``.
    mutating func reserve(_ key: Key, at now: Duration, waiting patience: Duration) -> Duration? {
        makeRoom(for: key, at: now)
        return buckets[key]?.reserve(at: now, waiting: patience)
    }

    /// Makes a bucket for a key that has none, if there may be another one.
    private mutating func makeRoom(for key: Key, at now: Duration) {
        if buckets[key] == nil {
            if buckets.count >= capacity {
                var full: [Key] = []
                for key in buckets.keys where buckets[key]?.isFull(at: now) == true { full.append(key) }
                for key in full { buckets[key] = nil }
            }
            guard buckets.count < capacity else { return }
            buckets[key] = TokenBucket(limit, at: now)
        }
    }

    mutating func remove(_ key: Key) {
        buckets[key] = nil
    }
}

extension Duration {
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
