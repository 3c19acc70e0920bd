/// Events in the order of their time, in microseconds; of equal times, in the order they were added.
struct EventQueue<Event> {
    private struct Entry {
        let time: Int64
        let number: UInt64
        let slot: Int32

        static func < (left: Entry, right: Entry) -> Bool {
            left.time != right.time ? left.time < right.time : left.number < right.number
        }
    }

    private var heap: [Entry] = []
    private var slots: [Event?] = []
    private var free: [Int32] = []
    private var next: UInt64 = 0

    var earliest: Int64? { heap.first?.time }

    mutating func add(_ event: Event, at time: Int64) {
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
            slots[Int(slot)] = event
        } else {
            slot = Int32(slots.count)
            slots.append(event)
        }
        let entry = Entry(time: time, number: next, slot: slot)
        next += 1
        var index = heap.count
        heap.append(entry)
        while index > 0, entry < heap[(index - 1) / 2] {
            heap[index] = heap[(index - 1) / 2]
            index = (index - 1) / 2
        }
        heap[index] = entry
    }

    mutating func removeFirst() -> (time: Int64, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
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
        let slot = Int(first.slot)
        guard let event = slots[slot] else { return nil }
        slots[slot] = nil
        free.append(first.slot)
        return (first.time, event)
    }
}
