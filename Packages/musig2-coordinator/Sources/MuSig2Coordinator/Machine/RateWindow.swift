/// So many in a minute and no more, in every minute: when the last ones were.
struct RateWindow: Sendable, Hashable {
    private var times: [Duration] = []

    /// Counts one, unless there were as many in the last minute as there may be.
    mutating func take(_ limit: Int, at time: Duration) -> Bool {
        guard opens(limit, at: time) <= time else { return false }
        times.append(time)
        return true
    }

    /// When there is room for one more: now, or when the oldest that counts is a minute old.
    mutating func opens(_ limit: Int, at time: Duration) -> Duration {
        let past = times.prefix { $0 + .seconds(60) <= time }.count
        times.removeFirst(past)
        guard limit > 0, times.count >= limit else { return time }
        return times[times.count - limit] + .seconds(60)
    }
}
