/// What waits for time: a heap with the earliest on top. What is no longer waited for stays in it until its time, and is
/// then passed over.
struct Deadlines: Sendable {
    enum Timer: Hashable, Sendable {
        /// The very first input.
        case start
        /// A request of a lookup has become slow.
        case slow(UInt64)
        /// A request has taken too long.
        case request(UInt64)
        /// A job has taken too long, or is tried again.
        case job(UInt64)
        case bootstrap
        case refresh
        case cleanup
        /// A publication is to be renewed, or ends.
        case publication(UInt64)
        /// This node's addresses have settled.
        case addresses
    }

    private struct Entry: Sendable {
        let time: Duration
        let number: UInt64
        let timer: Timer

        static func < (left: Entry, right: Entry) -> Bool {
            left.time != right.time ? left.time < right.time : left.number < right.number
        }
    }

    private var heap: [Entry] = []
    private var nextNumber: UInt64 = 0

    var earliest: Duration? { heap.first?.time }
    var first: (time: Duration, timer: Timer)? { heap.first.map { ($0.time, $0.timer) } }

    mutating func add(_ timer: Timer, at time: Duration) {
        var index = heap.count
        let entry = Entry(time: time, number: nextNumber, timer: timer)
        nextNumber += 1
        heap.append(entry)
        while index > 0, entry < heap[(index - 1) / 2] {
            heap[index] = heap[(index - 1) / 2]
            index = (index - 1) / 2
        }
        heap[index] = entry
    }

    mutating func removeFirst() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < last else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
    }
}
