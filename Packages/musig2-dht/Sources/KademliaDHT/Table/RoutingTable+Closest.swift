extension RoutingTable {
    /// How many networks live servers have answered from, no more than so many; each that is free of limits counts as its own.
    func liveNetworks(atMost limit: Int) -> Int {
        var networks: Set<NetworkGroup> = []
        var others = 0
        for bucket in buckets {
            for entry in bucket.entries where entry.isLive {
                let own = entry.groups.networks
                if own.isEmpty { others += 1 } else { networks.formUnion(own) }
                if networks.count + others >= limit { return limit }
            }
        }
        return networks.count + others
    }

    /// The entries closest to a target, closest first.
    ///
    /// Nothing is sorted but the few buckets that the answer is taken from: seen from any target, each bucket is closer, or
    /// farther, as a whole than any other.
    ///
    /// - Parameters:
    ///   - target: The place.
    ///   - count: The most entries.
    ///   - isIncluded: Which entries count.
    /// - Returns: Where they are.
    func closest(to target: KademliaKey, count: Int, where isIncluded: (Entry.Traits) -> Bool) -> [Position] {
        var found: [Position] = []
        found.reserveCapacity(count)
        let last = buckets.count - 1
        let distance = target ^ local
        let home = min(distance.leadingZeroBitCount, last)

        append(home, to: &found, near: target, count: count, where: isIncluded)
        // Deeper buckets differ from the target where this one does; where the target differs from us, they come closer.
        for bucket in stride(from: home + 1, to: last, by: 1) where distance.bit(bucket) {
            if found.count == count { return found }
            append(bucket, to: &found, near: target, count: count, where: isIncluded)
        }
        if home < last, found.count < count { append(last, to: &found, near: target, count: count, where: isIncluded) }
        for bucket in stride(from: last - 1, to: home, by: -1) where !distance.bit(bucket) {
            if found.count == count { return found }
            append(bucket, to: &found, near: target, count: count, where: isIncluded)
        }
        for bucket in stride(from: home - 1, through: 0, by: -1) {
            if found.count == count { return found }
            append(bucket, to: &found, near: target, count: count, where: isIncluded)
        }
        return found
    }

    private func append(
        _ bucket: Int, to found: inout [Position], near target: KademliaKey, count: Int,
        where isIncluded: (Entry.Traits) -> Bool
    ) {
        let start = found.count
        let entries = buckets[bucket].entries
        for index in entries.indices where isIncluded(entries[index].traits) {
            let distance = entries[index].key ^ target
            var place = found.count
            while place > start, distance < entries[found[place - 1].index].key ^ target { place -= 1 }
            if place == count { continue }
            found.insert(Position(bucket: bucket, index: index), at: place)
            if found.count > count { found.removeLast() }
        }
    }
}
