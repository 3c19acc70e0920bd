import KademliaSimulation
import Multiformats
import Testing

@testable import KademliaDHT

@Suite("The routing table")
struct RoutingTableTests {
    private let local = KademliaKey(digest: [])

    /// A place that shares so many bits with zero, told apart by a number.
    private func key(prefix: Int, _ number: UInt8) -> KademliaKey {
        var bytes = [UInt8](repeating: 0, count: 32)
        bytes[prefix / 8] = 0x80 >> UInt8(prefix % 8)
        bytes[31] = number
        return KademliaKey(digest: bytes)
    }

    private func entry(
        _ key: KademliaKey, network: UInt32, seen: Duration = .zero, isTrusted: Bool = false
    ) throws -> RoutingTable.Entry {
        var groups = NetworkGroups()
        groups.insert(.ip4(network))
        let peer = try PeerID(bytes: [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + key.bytes)
        return RoutingTable.Entry(
            peer: peer, key: key, addresses: [[4, 1, 2, 3, 4]], groups: groups, lastSeen: seen, isTrusted: isTrusted,
            isConnected: false)
    }

    private func table(_ size: Int = 20, _ change: (inout Kademlia.Limits) -> Void = { _ in }) -> RoutingTable {
        var limits = Kademlia.Limits()
        change(&limits)
        return RoutingTable(local: local, bucketSize: size, limits: limits)
    }

    @Test func onlyTheLastBucketIsSplit() throws {
        var table = table()
        for number in 0..<20 {
            #expect(table.insert(try entry(key(prefix: 0, UInt8(number)), network: UInt32(number))) == .room)
        }
        #expect(table.buckets.count == 1)
        // The full bucket holds one prefix alone: one more of it finds no place, even though the bucket is the last.
        #expect(table.admission(key(prefix: 0, 99), .none) == .full)
        #expect(table.insert(try entry(key(prefix: 0, 99), network: 99)) == .full)
        #expect(table.insert(try entry(key(prefix: 3, 0), network: 100)) == .room)
        #expect(table.buckets.map(\.entries.count) == [20, 1])
        for number in 1..<20 {
            #expect(table.insert(try entry(key(prefix: 3, UInt8(number)), network: UInt32(100 + number))) == .room)
        }
        #expect(table.insert(try entry(key(prefix: 5, 0), network: 200)) == .room)
        #expect(table.buckets.map(\.entries.count) == [20, 0, 0, 20, 1])
        #expect(table.count == 41 && table.liveCount == 41)
        #expect(table._checkInvariants() == [])
    }

    @Test func twoOfANetworkInABucketThreeInTheTable() throws {
        var table = table()
        #expect(table.insert(try entry(key(prefix: 0, 1), network: 7)) == .room)
        #expect(table.insert(try entry(key(prefix: 0, 2), network: 7)) == .room)
        #expect(table.insert(try entry(key(prefix: 0, 3), network: 7)) == .crowded)
        #expect(table.insert(try entry(key(prefix: 1, 1), network: 7)) == .room)
        #expect(table.insert(try entry(key(prefix: 2, 1), network: 7)) == .crowded)
        #expect(table.insert(try entry(key(prefix: 2, 1), network: 8)) == .room)
        table.remove(key(prefix: 0, 1))
        #expect(table.insert(try entry(key(prefix: 2, 2), network: 7)) == .room)
        #expect(table._checkInvariants() == [])
    }

    @Test func trustedServersAreNotLimitedAndTakeAPlace() throws {
        var table = table(4)
        for number in 0..<4 {
            #expect(
                table.insert(
                    try entry(key(prefix: 0, UInt8(number)), network: UInt32(number), seen: .seconds(4 - number)))
                    == .room)
        }
        for number in 10..<13 {
            #expect(table.insert(try entry(key(prefix: 0, UInt8(number)), network: 7, isTrusted: true)) == .room)
        }
        // The ones not seen for the longest time gave way.
        #expect(table.position(key(prefix: 0, 0)) != nil)
        for number in 1..<4 { #expect(table.position(key(prefix: 0, UInt8(number))) == nil) }
        // An entry that fails gives way first.
        _ = table.failed(try #require(table.position(key(prefix: 0, 0))))
        #expect(table.insert(try entry(key(prefix: 0, 13), network: 7, isTrusted: true)) == .room)
        #expect(table.insert(try entry(key(prefix: 0, 14), network: 7, isTrusted: true)) == .full)
        #expect(table.leastRecentlySeen(0) == nil)
        #expect(table._checkInvariants() == [])
    }

    @Test func replacementsAreBoundedAndDiverse() throws {
        var table = table(1) { $0.replacementsPerBucket = 3 }
        func waiting(_ number: UInt8, network: UInt32) throws -> RoutingTable.Replacement {
            let entry = try entry(key(prefix: 0, number), network: network)
            return RoutingTable.Replacement(
                peer: entry.peer, key: entry.key, addresses: entry.addresses, groups: entry.groups)
        }
        #expect(table.insert(try entry(key(prefix: 0, 0), network: 0)) == .room)
        table.addReplacement(try waiting(1, network: 1))
        table.addReplacement(try waiting(2, network: 1))
        table.addReplacement(try waiting(3, network: 1))
        #expect(table.buckets[0].replacements.map(\.key) == [key(prefix: 0, 1), key(prefix: 0, 2)])
        table.addReplacement(try waiting(4, network: 2))
        table.addReplacement(try waiting(5, network: 3))
        #expect(table.buckets[0].replacements.map(\.key) == [2, 4, 5].map { key(prefix: 0, $0) })
        // One that comes again is the newest.
        table.addReplacement(try waiting(2, network: 1))
        #expect(table.takeReplacement(0)?.key == key(prefix: 0, 2))
        #expect(table.takeReplacement(9) == nil)
        #expect(table._checkInvariants() == [])
    }

    /// R5: where a server says it is counts for nothing; it must fit where it answers.
    @Test func r5WhoAnswersFromElsewhereMustFitToo() throws {
        var table = table()
        for number in 1...2 { #expect(table.insert(try entry(key(prefix: 0, UInt8(number)), network: 7)) == .room) }
        #expect(table.insert(try entry(key(prefix: 0, 3), network: 8)) == .room)
        let position = try #require(table.position(key(prefix: 0, 3)))
        var crowded = NetworkGroups()
        crowded.insert(.ip4(7))
        table.update(position, addresses: [[9]])
        #expect(table[position].addresses == [[9]] && table[position].isConnected)
        var free = NetworkGroups()
        free.insert(.ip4(9))
        #expect(true == table.answered(position, from: free, nil, at: .zero))
        #expect(table.groups[.ip4(8)] == nil && table.groups[.ip4(9)] == 1)
        #expect(true == table.answered(position, from: free, nil, at: .zero))
        #expect(table._checkInvariants() == [])
        #expect(false == table.answered(position, from: crowded, nil, at: .zero))
        #expect(table.position(key(prefix: 0, 3)) == nil && table.count == 2)
        #expect(table._checkInvariants() == [])
    }

    /// Random inserts, removals, failures: the table stays sound, and the closest are those that sorting finds.
    @Test(arguments: [(UInt64(1), 20), (2, 3), (3, 1), (4, 8)])
    func closestAgainstSorting(seed: UInt64, size: Int) throws {
        var generator = SeededGenerator(seed: seed)
        var table = RoutingTable(
            local: KademliaKey(digest: generator.bytes(32)), bucketSize: size, limits: Kademlia.Limits())
        var known: [KademliaKey] = []
        for step in 0..<400 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0:
                if let key = known.randomElement(using: &generator) { table.remove(key) }
            case 1:
                if let key = known.randomElement(using: &generator), let position = table.position(key) {
                    _ = table.failed(position)
                }
            default:
                var bytes = generator.bytes(32)
                // Many share much with the node itself, so that deep buckets fill.
                let shared = Int.random(in: 0...3, using: &generator)
                bytes.replaceSubrange(..<shared, with: table.local.bytes[..<shared])
                let key = KademliaKey(digest: bytes)
                known.append(key)
                _ = table.insert(
                    try entry(key, network: UInt32(step / 4), seen: .seconds(step), isTrusted: step % 50 == 0))
            }
            #expect(table._checkInvariants() == [], "seed \(seed), step \(step)")
            guard step % 5 == 0 else { continue }
            let target =
                step % 3 == 0
                ? KademliaKey(digest: generator.bytes(32)) : known.randomElement(using: &generator) ?? local
            let count = Int.random(in: 1...25, using: &generator)
            let positions = table.closest(to: target, count: count) { $0.isLive }
            let found = positions.map { table[$0].key }
            let entries: [RoutingTable.Entry] = table.buckets.flatMap { $0.entries }
            let all = entries.filter { $0.isLive }.map { $0.key }
            let sorted = Array(all.sorted { $0 ^ target < $1 ^ target }.prefix(count))
            #expect(found == sorted, "seed \(seed), step \(step)")
        }
        let closest = table.closest(to: table.local, count: 5) { _ in true }
        #expect(closest.count == min(5, table.count))
    }
}
