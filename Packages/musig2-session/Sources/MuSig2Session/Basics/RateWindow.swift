/// So many in a minute and no more, in every minute: when the last ones were. It keeps as many times as there may be in a minute.
public struct RateWindow: Sendable, Hashable {
    private var times: [Duration] = []

    /// None so far.
    public init() {}

    /// Counts one, unless there were as many in the last minute as there may be.
    ///
    /// - Parameters:
    ///   - limit: How many there may be in a minute; below 1 is taken as 1.
    ///   - time: Now, in monotonic time.
    /// - Returns: Whether it is counted.
    public mutating func take(_ limit: Int, at time: Duration) -> Bool {
        guard opens(limit, at: time) <= time else { return false }
        times.append(time)
        return true
    }

    /// When there is room for one more: now, or when the oldest that counts is a minute old.
    ///
    /// - Parameters:
    ///   - limit: How many there may be in a minute; below 1 is taken as 1.
    ///   - time: Now, in monotonic time.
    /// - Returns: The time, in monotonic time.
    public mutating func opens(_ limit: Int, at time: Duration) -> Duration {
        let past = times.prefix { $0 + .seconds(60) <= time }.count
        times.removeFirst(past)
        let limit = max(limit, 1)
        guard times.count >= limit else { return time }
        return times[times.count - limit] + .seconds(60)
    }
}
