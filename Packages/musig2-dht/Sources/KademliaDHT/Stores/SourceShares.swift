import Multiformats

/// Whose records they are, as far as room is shared out: a network group where it is known, else the peer.
internal enum RecordSource: Hashable, Sendable {
    case group(NetworkGroup)
    case peer(PeerID)
}

/// How the room of a store is shared out among those who fill it.
///
/// When the store is full, the source with the largest share gives way, never a smaller one. So who floods a store pushes
/// out its own records, not those of honest peers, as long as it has no more sources than there is room for.
internal struct SourceShares: Sendable {
    private struct Share {
        var weight: Int
        /// Records of the source, the newest last; those removed meanwhile are still in here for a while.
        var records: [UInt64]
        var live: Int
        /// Tells sources of one weight apart, so that the choice does not depend on the order of a dictionary.
        let number: UInt64
        var heapIndex: Int
    }

    private var shares: [RecordSource: Share] = [:]
    /// A heap with the heaviest source on top.
    private var heap: [RecordSource] = []
    private var nextNumber: UInt64 = 0
    private(set) var weight = 0

    func weight(of source: RecordSource) -> Int { shares[source]?.weight ?? 0 }

    /// The source with the largest share.
    var heaviest: RecordSource? { heap.first }

    /// The newest record of a source that still is there.
    mutating func newest(of source: RecordSource, isLive: (UInt64) -> Bool) -> UInt64? {
        while let last = shares[source]?.records.last {
            if isLive(last) { return last }
            shares[source]?.records.removeLast()
        }
        return nil
    }

    mutating func add(_ record: UInt64, weight added: Int, of source: RecordSource) {
        weight += added
        if shares[source] == nil {
            shares[source] = Share(weight: added, records: [record], live: 1, number: nextNumber, heapIndex: heap.count)
            nextNumber += 1
            heap.append(source)
            rise(heap.count - 1)
        } else {
            shares[source]?.weight += added
            shares[source]?.live += 1
            shares[source]?.records.append(record)
            if let index = shares[source]?.heapIndex { rise(index) }
        }
    }

    /// Takes back what ``add(_:weight:of:)`` added. `isLive` must already say no for the record.
    mutating func remove(weight removed: Int, of source: RecordSource, isLive: (UInt64) -> Bool) {
        guard var share = shares[source] else { return }
        weight -= removed
        share.weight -= removed
        share.live -= 1
        if share.records.count > 2 * share.live + 16 { share.records.removeAll { !isLive($0) } }
        shares[source] = share
        if share.live == 0 {
            drop(share.heapIndex)
            shares[source] = nil
        } else {
            sink(share.heapIndex)
        }
    }

    private func isHeavier(_ left: RecordSource, _ right: RecordSource) -> Bool {
        guard let a = shares[left], let b = shares[right] else { return false }
        return a.weight != b.weight ? a.weight > b.weight : a.number < b.number
    }

    private mutating func place(_ source: RecordSource, _ index: Int) {
        heap[index] = source
        shares[source]?.heapIndex = index
    }

    private mutating func rise(_ start: Int) {
        var index = start
        let source = heap[index]
        while index > 0, isHeavier(source, heap[(index - 1) / 2]) {
            place(heap[(index - 1) / 2], index)
            index = (index - 1) / 2
        }
        place(source, index)
    }

    private mutating func sink(_ start: Int) {
        var index = start
        let source = heap[index]
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, isHeavier(heap[child + 1], heap[child]) { child += 1 }
            guard isHeavier(heap[child], source) else { break }
            place(heap[child], index)
            index = child
        }
        place(source, index)
    }

    private mutating func drop(_ index: Int) {
        let last = heap.removeLast()
        guard index < heap.count else { return }
        place(last, index)
        rise(index)
        sink(shares[last]?.heapIndex ?? index)
    }
}
