import Testing

@testable import KademliaDHT

@Suite("How far the servers that name peers are trusted")
struct ReferrerTrustTests {
    private typealias Request = ReferrerTrust.Request

    /// A trust that tolerates two failures, and a server that named peers.
    private func named() -> (trust: ReferrerTrust, server: ReferrerTrust.Referrer) {
        var trust = ReferrerTrust(toleratedFailures: 2)
        let server = trust.add(namedBy: .node)
        return (trust, server)
    }

    @Test func asManyAreAskedAsMayFail() {
        var (trust, server) = named()
        trust.asked(server)
        #expect(trust.standing(of: server) == .trusted)
        trust.asked(server)
        #expect(trust.standing(of: server) == .waiting)
        trust.ended(Request(referrer: server, pace: .inTime), .answered)
        // One is under way, and three may fail.
        #expect(trust.standing(of: server) == .trusted)
    }

    @Test func failuresEndTrustAndLateAnswersRestoreIt() {
        var (trust, server) = named()
        for _ in 0..<2 { trust.asked(server) }
        trust.slow(server)
        trust.ended(Request(referrer: server, pace: .inTime), .failed)
        #expect(trust.standing(of: server) == .doubted)
        trust.ended(Request(referrer: server, pace: .slow), .answered)
        #expect(trust.standing(of: server) == .trusted)
    }

    @Test func whatWasNotSentBlamesNobody() {
        var (trust, server) = named()
        for pace in [Request.Pace.inTime, .slow] {
            for _ in 0..<2 {
                trust.asked(server)
                if pace == .slow { trust.slow(server) }
                trust.ended(Request(referrer: server, pace: pace), .notSent)
            }
            #expect(trust.standing(of: server) == .trusted)
        }
    }

    @Test func theNodeIsTrustedAlways() {
        var (trust, server) = named()
        for _ in 0..<9 {
            trust.asked(.node)
            trust.ended(Request(referrer: .node, pace: .inTime), .failed)
        }
        #expect(trust.standing(of: .node) == .trusted)
        #expect(trust.depth(of: .node) == 0 && trust.depth(of: server) == 1)
        let next = trust.add(namedBy: server)
        #expect(trust.depth(of: next) == 2)
    }
}

@Suite("How many servers of a network a path asks")
struct NetworkQuotaTests {
    private func group(_ number: UInt32) -> NetworkGroups {
        var groups = NetworkGroups()
        groups.insert(.ip4(number))
        return groups
    }

    @Test func claimsAndAnswersCountTogether() {
        var limits = Kademlia.Limits()
        limits.askedPerGroup = 2
        var quota = NetworkQuota(limits)
        #expect(quota.claim(group(1)) && quota.claim(group(1)))
        #expect(!quota.claim(group(1)) && quota.claim(group(2)))
        quota.release(group(1))
        quota.prove(group(1))
        let isClaimed = quota.claim(group(1))
        #expect(!isClaimed && quota.hasRoom(for: group(1)))
        quota.prove(group(1))
        #expect(!quota.hasRoom(for: group(1)) && quota.hasRoom(for: group(2)))
    }

    @Test func whatIsFreeOfLimitsHasRoom() {
        var limits = Kademlia.Limits()
        limits.askedPerGroup = 0
        var quota = NetworkQuota(limits)
        #expect(quota.hasRoom(for: .none) && quota.claim(.none))
        #expect(!quota.hasRoom(for: group(1)) && !quota.claim(group(1)))
    }
}

@Suite("One path of a lookup")
struct LookupPathTests {
    private let trust = ReferrerTrust(toleratedFailures: 3)

    private func path(concurrency: Int = 2, _ distances: UInt8...) -> LookupPath {
        var path = LookupPath(
            width: 2, window: 20, concurrency: concurrency, quota: NetworkQuota(Kademlia.Limits()))
        for number in distances { add(number, to: &path) }
        return path
    }

    private func distance(_ number: UInt8) -> KademliaKey { KademliaKey(digest: [number]) }

    private func add(_ number: UInt8, at address: UInt8 = 1, to path: inout LookupPath, isOnOtherPath: Bool = false) {
        path.add(
            Referral(key: distance(number), id: [number], addresses: [[address]]), at: distance(number), from: .node,
            trust: trust, isOnOtherPath: isOnOtherPath)
    }

    @Test func theClosestAreAskedFirst() {
        var path = path(9, 3, 5)
        #expect(path.next(trust) == distance(3))
        #expect(path.ask(distance(3), groups: .none) == 1)
        #expect(path.next(trust) == distance(5))
        #expect(path.ask(distance(5), groups: .none) == 1)
        // Two are under way.
        #expect(path.next(trust) == nil)
        #expect(path.end(distance(3), as: .answered) == ReferrerTrust.Request(referrer: .node, pace: .inTime))
        #expect(path.next(trust) == distance(9))
        #expect(!path.isOver(trust, mayAsk: true))
        _ = path.end(distance(5), as: .answered)
        #expect(path.isOver(trust, mayAsk: true) && path.next(trust) == nil)
    }

    @Test func aSlowOneHoldsUpNobody() {
        var path = path(concurrency: 1, 3, 5)
        _ = path.ask(distance(3), groups: .none)
        #expect(path.next(trust) == nil)
        #expect(path.slow(distance(3)) == .node && path.slow(distance(3)) == nil)
        #expect(path.next(trust) == distance(5))
        #expect(path.end(distance(3), as: .answered)?.pace == .slow)
        #expect(path.end(distance(3), as: .answered) == nil)
    }

    @Test func askedElsewhereOnce() {
        var path = path(3)
        _ = path.ask(distance(3), groups: .none)
        add(3, at: 2, to: &path)
        _ = path.end(distance(3), as: .failed)
        path.useAlternative(for: distance(3))
        #expect(path[distance(3)]?.addresses == [[2]] && path.next(trust) == distance(3))
        #expect(path.ask(distance(3), groups: .none) == 2)
        add(3, at: 4, to: &path)
        _ = path.end(distance(3), as: .failed)
        path.useAlternative(for: distance(3))
        #expect(path[distance(3)]?.state == .failed && path.isOver(trust, mayAsk: true))
    }

    @Test func whatAnotherPathHasAskedIsLeftToIt() {
        var path = path(3, 5)
        add(4, to: &path, isOnOtherPath: true)
        path.leaveToOtherPath(distance(3))
        #expect(path.next(trust) == distance(5))
        // The other path has asked it at an address that this one was not told.
        guard var candidate = path[distance(3)] else { return }
        path.takeBack(distance(3), askedAt: candidate)
        #expect(path[distance(3)]?.state == .onOtherPath)
        var other = self.path()
        add(3, at: 6, to: &other)
        candidate = other[distance(3)] ?? candidate
        path.takeBack(distance(3), askedAt: candidate)
        #expect(path.next(trust) == distance(3))
    }
}
