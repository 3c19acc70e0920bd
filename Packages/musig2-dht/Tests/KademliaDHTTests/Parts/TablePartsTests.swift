import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

@Suite("Requests that wait for an answer")
struct PendingRequestsTests {
    @Test func startedOnceAndRemovedOnce() throws {
        var requests = PendingRequests()
        let contact = try Population(1, seed: 1).contacts[0]
        let request = PendingRequest(
            peer: contact.peer, key: KademliaKey(digest: [1]), addresses: PeerAddresses(), purpose: .probe)
        let id = requests.add(request)
        #expect(requests.add(request) != id && requests.count == 2)
        #expect(requests.start(id, at: .seconds(1)) != nil && requests.start(id, at: .seconds(2)) == nil)
        #expect(requests[id]?.startedAt == .seconds(1))
        #expect(requests.remove(id) != nil && requests.remove(id) == nil && requests.start(id, at: .zero) == nil)
        #expect(requests.count == 1 && !requests.isEmpty)
    }
}

@Suite("Peers that wait for a probe")
struct ProbeQueueTests {
    private func probe(_ number: Int, group: UInt32) throws -> ProbeQueue.Probe {
        let population = try Population(8, seed: 2)
        var addresses = PeerAddresses()
        addresses.groups.insert(.ip4(group))
        return ProbeQueue.Probe(
            peer: population.contacts[number].peer, key: population.keys[number], addresses: addresses)
    }

    @Test func eachOnceAndFewAtOnce() throws {
        var limits = Kademlia.Limits()
        (limits.probes, limits.waitingProbes, limits.waitingProbesPerGroup) = (1, 3, 2)
        var queue = ProbeQueue(limits)
        for (number, group) in [(0, 1), (0, 1), (1, 1), (2, 1), (3, 2), (4, 3)] as [(Int, UInt32)] {
            queue.add(try probe(number, group: group))
        }
        // One is there already, one of a group that is full, and one above the limit.
        #expect(queue.waiting.map(\.key) == [0, 1, 3].map { try? probe($0, group: 0).key })
        let next = queue.next()
        let first = try #require(next)
        #expect(queue.next() == nil && queue.underWay == 1)
        queue.add(try probe(0, group: 4))
        #expect(queue.waiting.count == 2, "it is under way")
        queue.ended(first.key)
        queue.add(try probe(0, group: 4))
        #expect(queue.waiting.count == 3 && queue.next() != nil)
    }
}

@Suite("What a node publishes")
struct PublicationsTests {
    private func publications(_ count: UInt8, limit: Int = 8) -> Publications {
        var publications = Publications(limit: limit)
        for number in 0..<count {
            _ = publications.add(.provider([number]), value: [], validUntil: .max, expiresAt: .seconds(100))
        }
        return publications
    }

    @Test func oneOfAKindAndKey() {
        var publications = publications(2, limit: 2)
        var isAdded = publications.add(.value([0]), value: [1], validUntil: .max, expiresAt: .seconds(9))
        #expect(!isAdded)
        isAdded = publications.add(.provider([0]), value: [], validUntil: .max, expiresAt: .seconds(9))
        #expect(isAdded && publications.count == 2 && publications[.provider([0])]?.expiresAt == .seconds(9))
        publications.remove(.provider([0]))
        publications.remove(.provider([0]))
        #expect(publications.count == 1 && publications[.provider([0])] == nil)
    }

    @Test func renewedUntilItEnds() throws {
        var publications = publications(1)
        let id = try #require(publications[.provider([0])]?.id)
        let isDue = publications.isDue(id, at: .seconds(50))
        #expect(!isDue, "it is being published")
        #expect(publications.wait(id, until: .seconds(60)) == .seconds(60))
        #expect(!publications.isDue(id, at: .seconds(59)) && publications.renewal(id, at: .seconds(59)) == nil)
        #expect(publications.isDue(id, at: .seconds(60)) && publications.renewal(id, at: .seconds(60)) != nil)
        #expect(publications.wait(id, until: .seconds(200)) == .seconds(100))
        #expect(!publications.isDue(id, at: .seconds(100)) && publications.isEmpty)
    }

    @Test func announcedWithNewAddresses() throws {
        var publications = publications(3)
        let ids = (0..<3).compactMap { publications[.provider([$0])]?.id }
        for id in ids { publications.setAddresses([[1]], of: id) }
        for id in ids[1...] { _ = publications.wait(id, until: .seconds(60)) }
        publications.setAddresses([[2]], of: ids[2])
        // One is being published, one known with these addresses.
        #expect(publications.providers(withoutAddresses: [[2]]) == [ids[1]])
    }
}

@Suite("Values that are looked at")
struct PendingChecksTests {
    private func asker(_ id: UInt64) throws -> PendingCheck.Asker {
        PendingCheck.Asker(
            id: Kademlia.InboundID(id), peer: try Population(1, seed: 3).contacts[0].peer, address: nil)
    }

    private func record(_ number: UInt8) -> KademliaMessage.Record {
        KademliaMessage.Record(key: [7], value: [number])
    }

    @Test func oneLookForAllThatWantIt() throws {
        var limits = Kademlia.Limits()
        (limits.checks, limits.askersPerCheck) = (2, 2)
        var checks = PendingChecks(limits)
        func admit(_ number: UInt8, _ id: UInt64) throws -> PendingChecks.Admission {
            let asker = try asker(id)
            let admission = checks.admit(record(number), for: asker, of: nil, work: .zero, at: .zero)
            if admission == .admitted {
                _ = checks.add([number], at: [7], against: nil, for: .requests([asker], network: nil))
            }
            return admission
        }
        #expect(try admit(1, 1) == .admitted)
        #expect(try admit(1, 2) == .joined)
        #expect(try admit(1, 3) == .refused)
        #expect(try admit(2, 4) == .admitted)
        #expect(try admit(3, 5) == .refused)
        let removed = checks.remove(Kademlia.CheckID(rawValue: 1))
        let pending = try #require(removed)
        guard case .requests(let askers, _) = pending.purpose else { return #expect(Bool(false)) }
        #expect(askers.map(\.id.rawValue) == [1, 2])
        #expect(checks.remove(Kademlia.CheckID(rawValue: 1)) == nil)
    }

    @Test func whatIsWithdrawnIsGivenUp() {
        var checks = PendingChecks(Kademlia.Limits())
        let operations = (1...3).map { Kademlia.OperationID($0) }
        for (operation, key) in zip(operations, [[1], [2], [1]] as [[UInt8]]) {
            _ = checks.add([9], at: key, against: nil, for: .put(operation, lifetime: .seconds(1)))
        }
        #expect(checks.removePuts(at: [1]) == [operations[0], operations[2]])
        checks.removePut(operations[1])
        for id in 1...3 as ClosedRange<UInt64> { #expect(checks.remove(Kademlia.CheckID(rawValue: id)) == nil) }
    }
}

@Suite("Values that servers returned to a lookup")
struct ValueReviewTests {
    @Test func oneAfterAnother() {
        var review = ValueReview(limit: 2)
        let (one, other) = (KademliaKey(digest: [1]), KademliaKey(digest: [2]))
        review.add([1], from: one, age: nil)
        #expect(review.next() == [1] && review.next() == nil)
        review.add([1], from: other, age: .seconds(3))
        review.add([2], from: one, age: nil)
        review.add([3], from: one, age: nil)
        #expect(review.end()?.holders.map(\.key) == [one, other])
        #expect(review.next() == [2] && review.end()?.value == [2])
        #expect(review.next() == nil && review.end() == nil)
    }

    @Test func aLookupWaitsForIt() {
        var review = ValueReview(limit: 2)
        #expect(review.mayEndLookup() && !review.hasHeldUpLookup)
        review.add([1], from: nil, age: nil)
        _ = review.next()
        #expect(!review.mayEndLookup() && !review.hasHeldUpLookup)
        _ = review.end()
        #expect(review.hasHeldUpLookup && review.mayEndLookup() && !review.hasHeldUpLookup)
    }
}
