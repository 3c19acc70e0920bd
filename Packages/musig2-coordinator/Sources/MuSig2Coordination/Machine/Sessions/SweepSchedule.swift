/// When finished, expired and stuck sessions are swept, and when the store is to drop what has expired.
struct SweepSchedule: Sendable {
    /// When the next sweep is due.
    private(set) var deadline: Duration?
    private var nextOfStore: Duration?

    /// How often the store is swept: with a sweep, and not on its own. 1 h.
    private static let storeInterval = Duration.seconds(3_600)

    /// Plans a sweep, unless one is planned that comes earlier.
    mutating func plan(at time: Duration) {
        deadline = min(deadline ?? time, time)
    }

    /// Whether a sweep is due, which is taken.
    mutating func take(at time: Duration) -> Bool {
        guard let deadline, deadline <= time else { return false }
        self.deadline = nil
        return true
    }

    /// Whether the store is to be swept too.
    func isStoreDue(at time: Duration) -> Bool {
        nextOfStore.map { $0 <= time } ?? false
    }

    /// The store is swept now.
    mutating func storeSwept(at time: Duration) {
        nextOfStore = time + Self.storeInterval
    }
}
