/// How much each of many has of something, with the one that has most on top, and by chance one of those that have as much.
struct Shares<Owner: Hashable & Sendable>: Sendable {
    private struct Share {
        var weight: Int
        /// Records of the owner; those removed meanwhile are still in here for a while.
        var records: [UInt64]
        var live: Int
        /// Tells owners of one weight apart, by chance: not by the order of a dictionary, nor by that of their coming.
        let lot: UInt64
        var heapIndex: Int
    }

    private var shares: [Owner: Share] = [:]
    /// A heap with the heaviest owner on top.
    private var heap: [Owner] = []
    private(set) var weight = 0

    func weight(of owner: Owner) -> Int { shares[owner]?.weight ?? 0 }

    var isEmpty: Bool { shares.isEmpty }

    /// The owner with the largest share.
    var heaviest: Owner? { heap.first }

    /// Any record of an owner that still is there.
    mutating func any(
        of owner: Owner, using generator: inout SeededGenerator, isLive: (UInt64) -> Bool
    ) -> UInt64? {
        while let index = shares[owner]?.records.indices.randomElement(using: &generator) {
            guard let record = shares[owner]?.records[index] else { return nil }
            if isLive(record) { return record }
            if let last = shares[owner]?.records.popLast(), last != record { shares[owner]?.records[index] = last }
        }
        return nil
    }

    mutating func add(_ record: UInt64, weight added: Int, of owner: Owner, using generator: inout SeededGenerator) {
        weight += added
        if shares[owner] == nil {
            shares[owner] = Share(
                weight: added, records: [record], live: 1, lot: generator.next(), heapIndex: heap.count)
            heap.append(owner)
            rise(heap.count - 1)
        } else {
            shares[owner]?.weight += added
            shares[owner]?.live += 1
            shares[owner]?.records.append(record)
            if let index = shares[owner]?.heapIndex { rise(index) }
        }
    }

    /// Takes back what ``add(_:weight:of:using:)`` added. `isLive` must already say no for the record.
    mutating func remove(weight removed: Int, of owner: Owner, isLive: (UInt64) -> Bool) {
        guard var share = shares[owner] else { return }
        weight -= removed
        share.weight -= removed
        share.live -= 1
        if share.records.count > 2 * share.live + 16 { share.records.removeAll { !isLive($0) } }
        shares[owner] = share
        if share.live == 0 {
            drop(share.heapIndex)
            shares[owner] = nil
        } else {
            sink(share.heapIndex)
        }
    }

    private func isHeavier(_ left: Owner, _ right: Owner) -> Bool {
        guard let a = shares[left], let b = shares[right] else { return false }
        return a.weight != b.weight ? a.weight > b.weight : a.lot < b.lot
    }

    private mutating func place(_ owner: Owner, _ index: Int) {
        heap[index] = owner
        shares[owner]?.heapIndex = index
    }

    private mutating func rise(_ start: Int) {
        var index = start
        let owner = heap[index]
        while index > 0, isHeavier(owner, heap[(index - 1) / 2]) {
            place(heap[(index - 1) / 2], index)
            index = (index - 1) / 2
        }
        place(owner, index)
    }

    private mutating func sink(_ start: Int) {
        var index = start
        let owner = heap[index]
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, isHeavier(heap[child + 1], heap[child]) { child += 1 }
            guard isHeavier(heap[child], owner) else { break }
            place(heap[child], index)
            index = child
        }
        place(owner, index)
    }

    private mutating func drop(_ index: Int) {
        let last = heap.removeLast()
        guard index < heap.count else { return }
        place(last, index)
        rise(index)
        sink(shares[last]?.heapIndex ?? index)
    }
}
