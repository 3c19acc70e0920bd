extension RoutingTable {
    /// What is wrong with the table; empty if nothing is. For tests, after each step.
    func _checkInvariants() -> [String] {
        var wrong: [String] = []
        var seen: Set<KademliaKey> = []
        var perGroup: [NetworkGroup: Int] = [:]
        for (index, bucket) in buckets.enumerated() {
            if bucket.entries.count > bucketSize { wrong.append("bucket \(index) holds \(bucket.entries.count)") }
            if bucket.replacements.count > limits.replacementsPerBucket {
                wrong.append("for bucket \(index) wait \(bucket.replacements.count)")
            }
            var inBucket: [NetworkGroup: Int] = [:]
            for entry in bucket.entries {
                let prefix = (entry.key ^ local).leadingZeroBitCount
                if index == buckets.count - 1 ? prefix < index : prefix != index {
                    wrong.append("bucket \(index) holds a prefix of \(prefix)")
                }
                if !seen.insert(entry.key).inserted { wrong.append("a server is there twice") }
                if entry.key == local { wrong.append("the node itself is there") }
                if entry.addresses.isEmpty { wrong.append("a server has no address") }
                guard !entry.isTrusted else { continue }
                for group in entry.groups.all {
                    perGroup[group, default: 0] += 1
                    inBucket[group, default: 0] += 1
                }
            }
            for (group, number) in inBucket
            where index < buckets.count - 1 && number > limits.serversInBucket(of: group) {
                wrong.append("bucket \(index) holds \(number) of \(group)")
            }
            for replacement in bucket.replacements where seen.contains(replacement.key) {
                wrong.append("a server of bucket \(index) waits for a place")
            }
        }
        if perGroup != groups { wrong.append("groups are \(perGroup), counted as \(groups)") }
        for (group, number) in perGroup where number > limits.servers(of: group) {
            wrong.append("the table holds \(number) of \(group)")
        }
        let entries = buckets.flatMap(\.entries)
        if entries.count != count { wrong.append("\(entries.count) entries, counted as \(count)") }
        let live = entries.count { $0.isLive }
        if live != liveCount { wrong.append("\(live) live entries, counted as \(liveCount)") }
        return wrong
    }
}
