import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

/// A connection that is only looked at.
private struct StubConnection: Connection {
    var localPeer: PeerID
    var remotePeer: PeerID
    var remoteAddress: Multiaddr
    var isInbound: Bool

    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
        throw TransportError(.connectionClosed, "stub")
    }
    func acceptStream() async throws(TransportError) -> NegotiatedStream? { nil }
    func close() async {}
    func closed() async -> TransportError? { nil }
}

@Suite struct ConnectionTableTests {
    private let smaller: PeerID
    private let larger: PeerID
    private let address: Multiaddr
    private var priorities = ConnectionPriorities()

    init() throws {
        let (one, two) = (try testPeer(1), try testPeer(2))
        (smaller, larger) = one < two ? (one, two) : (two, one)
        address = try Multiaddr("/memory/1")
    }

    private func table(
        of peer: PeerID,
        maximum: Int = 10,
        perPeer: Int = 4,
        _ change: (inout PeerNode.Configuration) -> Void = { _ in }
    ) -> ConnectionTable {
        var configuration = PeerNode.Configuration()
        configuration.maximumConnections = maximum
        configuration.maximumConnectionsPerPeer = perPeer
        change(&configuration)
        return ConnectionTable(local: peer, limits: ConnectionLimits(configuration))
    }

    private func connection(
        from local: PeerID,
        to remote: PeerID,
        isInbound: Bool,
        at remoteAddress: Multiaddr? = nil
    ) -> any Connection {
        StubConnection(
            localPeer: local, remotePeer: remote, remoteAddress: remoteAddress ?? address, isInbound: isInbound)
    }

    /// Whichever of two simultaneous connections a side sees first, both sides keep the one that the smaller peer
    /// dialled.
    @Test(arguments: [true, false], [true, false])
    func bothSidesKeepTheSameOne(atSmaller: Bool, inboundFirst: Bool) {
        let (local, remote) = atSmaller ? (smaller, larger) : (larger, smaller)
        var table = table(of: local)
        let first = table.add(
            connection(from: local, to: remote, isInbound: inboundFirst), at: .zero, priorities: priorities)
        #expect(first == .first(1))
        let second = table.add(
            connection(from: local, to: remote, isInbound: !inboundFirst), at: .seconds(1), priorities: priorities)
        let isFirstKept = inboundFirst == !atSmaller
        #expect(second == (isFirstKept ? .retired(2) : .replaces(2, retired: [1])))
        #expect(table.current(to: remote)?.connection.isInbound == !atSmaller)
        #expect(table.connections(to: remote).count == 2)
    }

    @Test func muchLaterTheNewerOneIsKept() {
        for isInbound in [true, false] {
            var table = table(of: smaller)
            _ = table.add(
                connection(from: smaller, to: larger, isInbound: !isInbound), at: .zero, priorities: priorities)
            let outcome = table.add(
                connection(from: smaller, to: larger, isInbound: isInbound), at: .seconds(5), priorities: priorities)
            #expect(outcome == .replaces(2, retired: [1]))
        }
    }

    @Test func ofTwoThatOneSideDialledTheNewerIsKept() {
        var table = table(of: larger)
        _ = table.add(connection(from: larger, to: smaller, isInbound: false), at: .zero, priorities: priorities)
        let outcome = table.add(
            connection(from: larger, to: smaller, isInbound: false), at: .zero, priorities: priorities)
        #expect(outcome == .replaces(2, retired: [1]))
    }

    @Test func theEndOfTheUsedOneBringsTheOtherBack() {
        var table = table(of: smaller)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero, priorities: priorities)
        _ = table.add(connection(from: smaller, to: larger, isInbound: false), at: .zero, priorities: priorities)
        let outcome = table.remove(2)
        #expect(outcome == .replaced(by: 1))
        #expect(table.current(to: larger)?.id == 1)
        let (last, again) = (table.remove(1), table.remove(1))
        #expect(last == .last)
        #expect(again == .unknown)
        #expect(table.peers == [])
    }

    @Test func theEndOfARetiredOneChangesNothing() {
        var table = table(of: smaller)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero, priorities: priorities)
        _ = table.add(connection(from: smaller, to: larger, isInbound: false), at: .zero, priorities: priorities)
        let outcome = table.remove(1)
        #expect(outcome == .othersRemain)
        #expect(table.current(to: larger)?.id == 2)
    }

    private func limitError(_ what: String, _ peer: PeerID) -> String {
        "limitExceeded: connection to peer \(peer) not kept: expected at most \(what)"
    }

    private func refusal(_ outcome: ConnectionTable.OnAdd) -> String? {
        if case .refused(let error) = outcome { error.description } else { nil }
    }

    private func checkKept(_ outcome: ConnectionTable.OnAdd, _ location: SourceLocation = #_sourceLocation) {
        #expect(refusal(outcome) == nil, sourceLocation: location)
    }

    @Test func limits() throws {
        var table = table(of: smaller, maximum: 4, perPeer: 2)
        let toItself = table.add(
            connection(from: smaller, to: smaller, isInbound: true), at: .zero, priorities: priorities)
        #expect(refusal(toItself) == "peerMismatch: the other side is peer \(smaller), this node itself")
        for _ in 0..<2 {
            _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero, priorities: priorities)
        }
        let third = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero, priorities: priorities)
        #expect(refusal(third) == limitError("2 connections per peer", larger))
        let three = try testPeer(3)
        let other = table.add(connection(from: smaller, to: three, isInbound: true), at: .zero, priorities: priorities)
        #expect(other == .first(3))
        let four = try testPeer(4)
        let inbound = table.add(connection(from: smaller, to: four, isInbound: true), at: .zero, priorities: priorities)
        #expect(refusal(inbound) == limitError("3 connections", four))
        let outbound = table.add(
            connection(from: smaller, to: four, isInbound: false), at: .zero, priorities: priorities)
        #expect(outbound == .first(4))
        let last = table.add(
            connection(from: smaller, to: try testPeer(5), isInbound: false), at: .zero, priorities: priorities)
        #expect(refusal(last) == limitError("4 connections", try testPeer(5)))
    }

    @Test func whichOneMakesRoom() throws {
        var table = table(of: smaller, maximum: 4, perPeer: 2)
        func victim(_ peer: PeerID, isInbound: Bool = true, at now: Duration = .seconds(9)) -> ConnectionTable.ID? {
            table.victim(
                for: connection(from: smaller, to: peer, isInbound: isInbound), at: now, grace: .seconds(2),
                priorities: priorities)?.id
        }
        #expect(victim(smaller) == nil)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero, priorities: priorities)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .seconds(1), priorities: priorities)
        #expect(victim(larger) == 1, "the retired one")
        let (three, four) = (try testPeer(3), try testPeer(4))
        #expect(victim(three) == nil, "there is room")
        _ = table.add(connection(from: smaller, to: three, isInbound: true), at: .seconds(2), priorities: priorities)
        #expect(victim(four) == 1)
        #expect(victim(four, isInbound: false) == nil, "there is room for a dial")
        table.lease(1, at: .zero)
        #expect(victim(four) == 2, "the first is in use")
        _ = table.serve(2, limit: 1, isAnswered: false)
        #expect(victim(four) == 2, "a stream of the other side that says nothing is no use")
        table.entries[2]?.activity.noteFrame(at: .seconds(8))
        #expect(victim(four) == 3)
        #expect(victim(four, at: .seconds(3)) == nil, "too young")
    }

    @Test func aRetiredOneIsIdleWhenNoStreamUsesIt() {
        var table = table(of: smaller)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero, priorities: priorities)
        table.lease(1, at: .zero)
        let served = (table.serve(1, limit: 1, isAnswered: false), table.serve(1, limit: 1, isAnswered: false))
        #expect(served == (true, false))
        _ = table.add(connection(from: smaller, to: larger, isInbound: false), at: .zero, priorities: priorities)
        let isIdle = table.release(1, at: .zero)
        #expect(!isIdle, "it is still being served")
        table.endService(1, isAnswered: false)
        #expect(table.isIdle(1, evenIfCurrent: false))
        #expect(!table.isIdle(2, evenIfCurrent: false))
        #expect(table.isIdle(2, evenIfCurrent: true))
        #expect(!table.isIdle(3, evenIfCurrent: true))
    }

    // MARK: Networks, rates and worth

    /// Peers of one network, each with its own address.
    private func crowd(_ numbers: ClosedRange<UInt8>, from network: String = "203.0.113") throws -> [any Connection] {
        try numbers.map { number in
            connection(
                from: smaller, to: try testPeer(number), isInbound: true,
                at: try Multiaddr("/ip4/\(network).\(number)/tcp/1"))
        }
    }

    @Test func oneNetworkHasItsShareOnly() throws {
        var table = table(of: try testPeer(200), maximum: 100) { $0.maximumConnectionsPerNetwork = 3 }
        var priorities = ConnectionPriorities()
        for connection in try crowd(11...13) { _ = table.add(connection, at: .zero, priorities: priorities) }
        let more = try crowd(14...15)
        let refused = table.add(more[0], at: .zero, priorities: priorities)
        let peer = more[0].remotePeer
        #expect(refusal(refused) == limitError("3 connections from one network", peer))
        #expect(table.victim(for: more[0], at: .seconds(9), grace: .seconds(2), priorities: priorities)?.id == 1)
        #expect(
            table.victim(for: more[0], at: .seconds(1), grace: .seconds(2), priorities: priorities) == nil, "too young")
        // Others do not notice, dials are of this side's choice, and the protected are let in.
        let elsewhere = try crowd(16...16, from: "203.0.114")
        #expect(table.victim(for: elsewhere[0], at: .seconds(9), grace: .seconds(2), priorities: priorities) == nil)
        checkKept(table.add(elsewhere[0], at: .zero, priorities: priorities))
        let dialled = connection(
            from: smaller, to: try testPeer(17), isInbound: false, at: try Multiaddr("/ip4/203.0.113.9/tcp/1"))
        checkKept(table.add(dialled, at: .zero, priorities: priorities))
        _ = priorities.protect(more[1].remotePeer, for: "test")
        checkKept(table.add(more[1], at: .zero, priorities: priorities))
        // Whoever goes makes room: the network of its own.
        for id: ConnectionTable.ID in [1, 5, 6] { _ = table.remove(id) }
        checkKept(table.add(more[0], at: .zero, priorities: priorities))
    }

    @Test(arguments: [
        ("/ip4/203.0.113.7/tcp/1", "/ip4/203.0.113.200/tcp/9", true),
        ("/ip4/203.0.113.7/tcp/1", "/ip4/203.0.112.7/tcp/1", false),
        ("/ip6/2001:db8:1:2::1/tcp/1", "/ip6/2001:db8:1:ffff::9/tcp/1", true),
        ("/ip6/2001:db8:1:2::1/tcp/1", "/ip6/2001:db8:2::1/tcp/1", false),
        ("/ip6/::ffff:203.0.113.7/tcp/1", "/ip4/203.0.113.9/tcp/1", true),
    ])
    func networks(_ left: String, _ right: String, _ isSame: Bool) throws {
        let (one, two) = (IPNetwork(try Multiaddr(left)), IPNetwork(try Multiaddr(right)))
        #expect(one != nil && two != nil && (one == two) == isSame)
        for text in ["/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", "/memory/7", "/dns4/a.example/tcp/1"] {
            #expect(IPNetwork(try Multiaddr(text)) == nil)
        }
    }

    @Test func connectionsComeAtARateFromOneNetwork() throws {
        var table = table(of: try testPeer(200)) { $0.inboundConnectionRate = RateLimit(burst: 2, perSecond: 1) }
        var priorities = ConnectionPriorities()
        let crowd = try crowd(11...14)
        let first = crowd.map { table.admits($0, at: .zero, priorities: priorities) }
        #expect(first == [true, true, false, false])
        let elsewhere = table.admits(try self.crowd(15...15, from: "198.51.100")[0], at: .zero, priorities: priorities)
        let later = crowd.map { table.admits($0, at: .seconds(1), priorities: priorities) }
        #expect(elsewhere && later == [true, false, false, false])
        _ = priorities.protect(crowd[3].remotePeer, for: "test")
        let isAdmitted = table.admits(crowd[3], at: .seconds(1), priorities: priorities)
        #expect(isAdmitted)
    }

    /// Above the limit the idle ones go, the least valuable first; those in use, young or protected stay.
    @Test func whatIsTooManyGoesByWorth() throws {
        var table = table(of: try testPeer(200), maximum: 100) {
            $0.trimConnectionsAbove = 6
            $0.trimConnectionsTo = 3
        }
        var priorities = ConnectionPriorities()
        let crowd = try crowd(1...7)
        for (index, connection) in crowd.enumerated() {
            #expect(table.surplus(at: .seconds(100), priorities: priorities).isEmpty, "\(index) are not too many")
            _ = table.add(connection, at: .seconds(index == 6 ? 99 : 0), priorities: priorities)
        }
        func surplus() -> [ConnectionTable.ID] { table.surplus(at: .seconds(100), priorities: priorities).map(\.id) }
        #expect(surplus() == [1, 2, 3, 4])
        table.lease(1, at: .seconds(99))
        _ = table.serve(2, limit: 9, isAnswered: true)
        _ = priorities.tag(crowd[2].remotePeer, weight: 5, for: "dht")
        _ = priorities.protect(crowd[3].remotePeer, for: "signer")
        table.entries[2]?.activity.noteRequest(at: .seconds(50))
        #expect(surplus() == [5, 6, 2, 3], "in use, protected and young ones stay; then use and value count")
        priorities.unprotect(crowd[3].remotePeer, for: "signer")
        _ = priorities.tag(crowd[2].remotePeer, weight: 0, for: "dht")
        #expect(surplus() == [3, 4, 5, 6])
    }

    /// Whoever lowers one of two limits and forgets the other gets no crash, but connections of that number.
    @Test func trimmingToMoreThanThereMayBe() throws {
        var table = table(of: try testPeer(200), maximum: 100) { $0.trimConnectionsAbove = 2 }
        for connection in try crowd(1...3) { _ = table.add(connection, at: .zero, priorities: priorities) }
        #expect(table.surplus(at: .seconds(100), priorities: priorities).map(\.id) == [1])
    }

    @Test func valuesAreBounded() throws {
        var priorities = ConnectionPriorities()
        let peer = try testPeer(1)
        for reason in 0..<ConnectionPriorities.maximumReasons {
            let isTaken = (
                priorities.tag(peer, weight: .max, for: "\(reason)"), priorities.protect(peer, for: "\(reason)")
            )
            #expect(isTaken == (true, true))
        }
        let more = (priorities.tag(peer, weight: 1, for: "more"), priorities.protect(peer, for: "more"))
        #expect(more == (false, false))
        #expect(priorities.weight(of: peer) == ConnectionPriorities.maximumReasons * 1_000_000)
        for reason in 0..<ConnectionPriorities.maximumReasons {
            #expect(priorities.isProtected(peer))
            priorities.unprotect(peer, for: "\(reason)")
        }
        #expect(!priorities.isProtected(peer))
    }

    @Test func bucketsAreBounded() {
        var table = RateTable<Int>(RateLimit(burst: 1, perSecond: 1), capacity: 2)
        let first = [table.take(1, at: .zero), table.take(1, at: .zero), table.take(2, at: .zero)]
        #expect(first == [true, false, true])
        let full = table.take(3, at: .zero)
        #expect(!full, "nobody new while none is full")
        let later = table.take(3, at: .seconds(1))
        #expect(later && table.count == 1)
        var bucket = TokenBucket(RateLimit(burst: 0, perSecond: .nan), at: .zero)
        let taken = [bucket.take(at: .zero), bucket.take(at: .seconds(1))]
        #expect(taken == [true, false], "a limit that makes no sense counts as the smallest that does")
    }
}
