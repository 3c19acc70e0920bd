import KademliaSimulation
import Testing

@testable import KademliaDHT

@Suite("Lookups")
struct LookupTests {
    private let target = KademliaKey(digest: [])

    /// A peer at a distance, named with an address.
    private func peer(_ distance: UInt16, address: UInt8 = 1) -> Referral {
        let key = KademliaKey(digest: [UInt8(distance >> 8), UInt8(distance & 255)])
        return Referral(key: key, id: Array(key.bytes.prefix(2)), addresses: [[address]])
    }

    private func lookup(
        paths: Int = 1, width: Int = 3, concurrency: Int = 10,
        _ change: (inout Kademlia.Configuration) -> Void = { _ in }
    ) -> DisjointLookup {
        var configuration = Kademlia.Configuration()
        change(&configuration)
        return DisjointLookup(
            target: target, paths: paths, width: width, concurrency: concurrency, configuration, at: .zero)
    }

    private func askAll(_ lookup: inout DisjointLookup) -> [CandidateID] {
        var asked: [CandidateID] = []
        while let next = lookup.next() {
            guard let id = lookup.ask(next, groups: .none) else { continue }
            asked.append(id)
        }
        return asked
    }

    private func distances(_ ids: [CandidateID]) -> [UInt64] { ids.map { $0.distance.words.0 >> 48 } }

    @Test func theClosestAreAskedAlphaAtOnce() {
        var lookup = lookup(concurrency: 3)
        lookup.seed([9, 4, 7, 1, 8].map { peer($0) })
        let first = askAll(&lookup)
        #expect(distances(first) == [1, 4, 7])
        #expect(!lookup.isOver)
        lookup.answered(first[1], from: .none, referrals: [peer(2), peer(3)])
        #expect(distances(askAll(&lookup)) == [2])
        lookup.failed(first[0])
        #expect(distances(askAll(&lookup)) == [3])
    }

    @Test func overWhenTheBetaClosestAnswered() {
        var lookup = lookup()
        lookup.seed((1...8).map { peer($0) })
        let asked = askAll(&lookup)
        #expect(asked.count == 8)
        for id in asked[3...] { lookup.answered(id, from: .none, referrals: []) }
        #expect(!lookup.isOver)
        lookup.answered(asked[0], from: .none, referrals: [])
        lookup.failed(asked[1])
        #expect(!lookup.isOver)
        lookup.answered(asked[2], from: .none, referrals: [peer(1_000)])
        #expect(lookup.isOver)
        #expect(lookup.closestAnswered(2).map(\.id) == [peer(1).id, peer(3).id])
        #expect(lookup.answers == 7 && lookup.failures == 1 && lookup.asked == 8)
    }

    @Test func overWhenNobodyIsLeft() {
        var lookup = lookup()
        #expect(lookup.isOver)
        lookup.seed([peer(1)])
        let asked = askAll(&lookup)
        #expect(!lookup.isOver)
        lookup.failed(asked[0])
        #expect(lookup.isOver && lookup.answers == 0 && lookup.hops == 0)
    }

    @Test func noPeerIsAskedOnTwoPaths() {
        var generator = SeededGenerator(seed: 3)
        var lookup = lookup(paths: 3, width: 3, concurrency: 9)
        lookup.seed((1...20).map { peer($0 * 100) })
        var asked: [KademliaKey: Int] = [:]
        var open: [CandidateID] = []
        while !lookup.isOver {
            for id in askAll(&lookup) {
                #expect(asked[id.distance] == nil)
                asked[id.distance] = id.path
                open.append(id)
            }
            guard !open.isEmpty else { break }
            let id = open.remove(at: Int.random(in: 0..<open.count, using: &generator))
            // All paths hear of the same peers.
            lookup.answered(id, from: .none, referrals: (1...20).map { peer(UInt16($0)) })
        }
        #expect(lookup.isOver)
        #expect(Set(asked.values) == [0, 1, 2])
        for path in 0..<3 { #expect(asked.values.count { $0 == path } >= 3) }
    }

    /// What one path is told stays on it.
    @Test func pathsKeepToThemselves() throws {
        var lookup = lookup(paths: 2, width: 1, concurrency: 2)
        lookup.seed([peer(100), peer(200)])
        let asked = askAll(&lookup)
        #expect(asked.map(\.path) == [0, 1])
        lookup.answered(asked[0], from: .none, referrals: [peer(1)])
        #expect(lookup.next()?.path == 0)
        #expect(lookup.paths[1].candidates.count == 1)
    }

    @Test func whoNamesTheDeadIsDoubted() {
        var lookup = lookup(width: 3) { $0.limits.failuresPerReferrer = 3 }
        lookup.seed([peer(500), peer(600), peer(700)])
        let seeds = askAll(&lookup)
        lookup.answered(seeds[0], from: .none, referrals: (1...20).map { peer($0) })
        // Three on credit, no more.
        let first = askAll(&lookup)
        #expect(distances(first) == [1, 2, 3])
        lookup.answered(first[0], from: .none, referrals: [])
        // An answer earns one more, beside the place that it leaves.
        let second = askAll(&lookup)
        #expect(distances(second) == [4, 5])
        for id in first[1...] + second[..<1] { lookup.failed(id) }
        #expect(askAll(&lookup).isEmpty)
        lookup.failed(second[1])
        // Of the others nobody is asked, and nothing waits for them.
        #expect(askAll(&lookup).isEmpty)
        lookup.answered(seeds[1], from: .none, referrals: [peer(7)])
        #expect(distances(askAll(&lookup)) == [7], "named by somebody more believable")
        lookup.answered(CandidateID(path: 0, distance: peer(7).key, attempt: 1), from: .none, referrals: [])
        #expect(lookup.isOver)
        lookup.answered(seeds[2], from: .none, referrals: [])
        #expect(lookup.closestKnown(20).map(\.id) == [1, 7, 500, 600, 700].map { peer($0).id })
    }

    @Test func slowOnesDoNotHoldOthersUp() {
        var lookup = lookup(width: 1, concurrency: 1)
        lookup.seed([peer(1), peer(2)])
        let first = askAll(&lookup)
        #expect(distances(first) == [1])
        lookup.slow(first[0])
        let second = askAll(&lookup)
        #expect(distances(second) == [2])
        #expect(!lookup.isOver)
        lookup.slow(second[0])
        #expect(!lookup.isOver, "nobody answered yet: even slow ones are waited for")
        lookup.answered(first[0], from: .none, referrals: [])
        #expect(lookup.isOver && lookup.answers == 1)
    }

    /// A liar names an honest peer with a wrong address: it is asked again where others say it is.
    @Test func elsewhere() throws {
        var lookup = lookup()
        lookup.seed([peer(500), peer(600)])
        let seeds = askAll(&lookup)
        lookup.answered(seeds[0], from: .none, referrals: [peer(1, address: 66)])
        let wrong = try #require(askAll(&lookup).first)
        lookup.answered(seeds[1], from: .none, referrals: [peer(1, address: 1)])
        #expect(lookup.next() == nil)
        lookup.slow(wrong)
        let right = try #require(askAll(&lookup).first)
        #expect(right.distance == wrong.distance && right.attempt == 2)
        #expect(lookup.candidate(right)?.addresses == [[1]])
        lookup.failed(wrong)
        #expect(lookup.candidate(right)?.state == .asked, "the first request no longer matters")
        lookup.answered(right, from: .none, referrals: [])
        #expect(lookup.isOver && lookup.closestAnswered(1).map(\.id) == [peer(1).id])

        // It is not asked a third time.
        lookup = self.lookup()
        lookup.seed([peer(500), peer(600), peer(700)])
        let others = askAll(&lookup)
        lookup.answered(others[0], from: .none, referrals: [peer(1, address: 66)])
        lookup.failed(try #require(askAll(&lookup).first))
        lookup.answered(others[1], from: .none, referrals: [peer(1, address: 67)])
        lookup.failed(try #require(askAll(&lookup).first))
        lookup.answered(others[2], from: .none, referrals: [peer(1, address: 68)])
        #expect(lookup.next() == nil)
    }

    /// The liar comes first, and an honest server is heard before anybody was asked: its word is not lost.
    @Test func elsewhereIsRememberedBeforeAnybodyAsks() throws {
        var lookup = lookup()
        lookup.seed([peer(500), peer(600)])
        let seeds = askAll(&lookup)
        lookup.answered(seeds[0], from: .none, referrals: (1...4).map { peer($0, address: 66) })
        lookup.answered(seeds[1], from: .none, referrals: [peer(1), peer(4)])
        let wrong = askAll(&lookup)
        #expect(distances(wrong) == [1, 2, 3])
        lookup.failed(wrong[0])
        let first = try #require(askAll(&lookup).first)
        #expect(first.distance == wrong[0].distance && lookup.candidate(first)?.addresses == [[1]])
        for id in wrong[1...] { lookup.failed(id) }
        // The fourth was never asked: the server that named it first is not trusted any more.
        let right = try #require(askAll(&lookup).first)
        #expect(distances([right]) == [4] && lookup.candidate(right)?.addresses == [[1]])
    }

    /// A peer that a liar of one path names with a wrong address is not lost to the others, which know a right one.
    @Test(arguments: [false, true])
    func aLiarOfOnePathDoesNotTakeAPeerFromOthers(isSlow: Bool) throws {
        var lookup = lookup(paths: 2, width: 1, concurrency: 2)
        lookup.seed([peer(500), peer(600), peer(700)])
        let seeds = askAll(&lookup)
        #expect(seeds.map(\.path) == [0, 1])
        lookup.answered(seeds[0], from: .none, referrals: [peer(1, address: 66)])
        let wrong = try #require(askAll(&lookup).first)
        #expect(wrong.path == 0 && wrong.distance == peer(1).key ^ target)
        lookup.answered(seeds[1], from: .none, referrals: [peer(1)])
        #expect(lookup.paths[1].candidates.first?.state == .onOtherPath)
        if isSlow { lookup.slow(wrong) } else { lookup.failed(wrong) }
        let right = try #require(askAll(&lookup).first)
        #expect(right.path == 1 && right.distance == wrong.distance && lookup.candidate(right)?.addresses == [[1]])
        lookup.answered(right, from: .none, referrals: [peer(2)])
        // It speaks on one path only, even if it comes at last where it was asked first.
        lookup.answered(wrong, from: .none, referrals: [peer(3)])
        #expect(lookup.paths[0].candidates.allSatisfy { $0.id != peer(3).id })
        #expect(lookup.closestAnswered(1).map(\.id) == [peer(1).id])
    }

    /// A liar names an honest peer as one of networks that are asked no more alone.
    @Test func r5AWrongNetworkIsForgotten() throws {
        var lookup = lookup()
        lookup.seed([peer(500), peer(600)])
        let seeds = askAll(&lookup)
        lookup.answered(seeds[0], from: .none, referrals: [peer(1, address: 66)])
        let next = try #require(lookup.next())
        lookup.reject(next)
        #expect(lookup.next() == nil)
        lookup.answered(seeds[1], from: .none, referrals: [peer(1)])
        let right = try #require(askAll(&lookup).first)
        #expect(lookup.candidate(right)?.addresses == [[1]])
    }

    @Test func aLateAnswerCountsEvenWhenThePeerWasGivenUp() throws {
        var lookup = lookup()
        lookup.seed([peer(500), peer(600)])
        let seeds = askAll(&lookup)
        lookup.answered(seeds[0], from: .none, referrals: [peer(1, address: 66)])
        let first = try #require(askAll(&lookup).first)
        lookup.answered(seeds[1], from: .none, referrals: [peer(1, address: 1)])
        lookup.slow(first)
        lookup.answered(first, from: .none, referrals: [])
        #expect(lookup.isOver && lookup.next() == nil && lookup.answers == 3)
    }

    @Test func kPeersOfAnAnswerTheClosest() {
        var lookup = lookup()
        lookup.seed([peer(60_000)])
        lookup.answered(askAll(&lookup)[0], from: .none, referrals: (1...10_000).reversed().map { peer($0) })
        #expect(lookup.paths[0].candidates.count == 21)
        #expect(lookup.paths[0].candidates.prefix(20).map(\.id) == (1...20).map { peer($0).id })
    }

    @Test func namedTwiceIsOne() {
        var lookup = lookup()
        lookup.seed([peer(500)])
        lookup.answered(askAll(&lookup)[0], from: .none, referrals: [peer(1), peer(1), peer(500), peer(2), peer(1)])
        #expect(lookup.paths[0].candidates.count == 3)
        #expect(distances(askAll(&lookup)) == [1, 2])
    }

    @Test func requestsAreLimited() {
        var lookup = lookup(width: 20) { $0.limits.requestsPerLookup = 7 }
        lookup.seed((1...20).map { peer($0) })
        var ids = askAll(&lookup)
        #expect(ids.count == 7)
        while let id = ids.popLast() { lookup.answered(id, from: .none, referrals: (1...20).map { peer($0) }) }
        #expect(askAll(&lookup).isEmpty && lookup.isOver)
    }

    /// R5: of one network, only some are asked.
    @Test func r5NetworksAreLimited() throws {
        var lookup = lookup()
        lookup.seed((1...10).map { peer($0) } + [peer(500)])
        var sybil = NetworkGroups()
        sybil.insert(.ip4(7))
        var asked: [UInt64] = []
        while let next = lookup.next() {
            let isHonest = next.distance == peer(500).key
            if let id = lookup.ask(next, groups: isHonest ? .none : sybil) { asked += distances([id]) }
        }
        #expect(asked == [1, 2, 3, 500])
    }

    @Test func hopsAreCounted() throws {
        var lookup = lookup()
        lookup.seed([peer(500)])
        lookup.answered(try #require(askAll(&lookup).first), from: .none, referrals: [peer(50)])
        #expect(lookup.hops == 1)
        lookup.answered(try #require(askAll(&lookup).first), from: .none, referrals: [peer(5)])
        lookup.answered(try #require(askAll(&lookup).first), from: .none, referrals: [])
        #expect(lookup.hops == 3)
    }
}
