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

    init() throws {
        let (one, two) = (try testPeer(1), try testPeer(2))
        (smaller, larger) = one < two ? (one, two) : (two, one)
        address = try Multiaddr("/memory/1")
    }

    private func table(of peer: PeerID, maximum: Int = 10, perPeer: Int = 4) -> ConnectionTable {
        ConnectionTable(local: peer, maximum: maximum, maximumPerPeer: perPeer, simultaneous: .seconds(5))
    }

    private func connection(from local: PeerID, to remote: PeerID, isInbound: Bool) -> any Connection {
        StubConnection(localPeer: local, remotePeer: remote, remoteAddress: address, isInbound: isInbound)
    }

    /// Whichever of two simultaneous connections a side sees first, both sides keep the one that the smaller peer
    /// dialled.
    @Test(arguments: [true, false], [true, false])
    func bothSidesKeepTheSameOne(atSmaller: Bool, inboundFirst: Bool) {
        let (local, remote) = atSmaller ? (smaller, larger) : (larger, smaller)
        var table = table(of: local)
        let first = table.add(connection(from: local, to: remote, isInbound: inboundFirst), at: .zero)
        #expect(first == .first(1))
        let second = table.add(connection(from: local, to: remote, isInbound: !inboundFirst), at: .seconds(1))
        let isFirstKept = inboundFirst == !atSmaller
        #expect(second == (isFirstKept ? .retired(2) : .replaces(2, retired: [1])))
        #expect(table.current(to: remote)?.connection.isInbound == !atSmaller)
        #expect(table.connections(to: remote).count == 2)
    }

    @Test func muchLaterTheNewerOneIsKept() {
        for isInbound in [true, false] {
            var table = table(of: smaller)
            _ = table.add(connection(from: smaller, to: larger, isInbound: !isInbound), at: .zero)
            let outcome = table.add(connection(from: smaller, to: larger, isInbound: isInbound), at: .seconds(5))
            #expect(outcome == .replaces(2, retired: [1]))
        }
    }

    @Test func ofTwoThatOneSideDialledTheNewerIsKept() {
        var table = table(of: larger)
        _ = table.add(connection(from: larger, to: smaller, isInbound: false), at: .zero)
        let outcome = table.add(connection(from: larger, to: smaller, isInbound: false), at: .zero)
        #expect(outcome == .replaces(2, retired: [1]))
    }

    @Test func theEndOfTheUsedOneBringsTheOtherBack() {
        var table = table(of: smaller)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero)
        _ = table.add(connection(from: smaller, to: larger, isInbound: false), at: .zero)
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
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero)
        _ = table.add(connection(from: smaller, to: larger, isInbound: false), at: .zero)
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

    @Test func limits() throws {
        var table = table(of: smaller, maximum: 4, perPeer: 2)
        let toItself = table.add(connection(from: smaller, to: smaller, isInbound: true), at: .zero)
        #expect(refusal(toItself) == "peerMismatch: the other side is peer \(smaller), this node itself")
        for _ in 0..<2 { _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero) }
        let third = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero)
        #expect(refusal(third) == limitError("2 connections per peer", larger))
        let three = try testPeer(3)
        let other = table.add(connection(from: smaller, to: three, isInbound: true), at: .zero)
        #expect(other == .first(3))
        let four = try testPeer(4)
        let inbound = table.add(connection(from: smaller, to: four, isInbound: true), at: .zero)
        #expect(refusal(inbound) == limitError("3 connections", four))
        let outbound = table.add(connection(from: smaller, to: four, isInbound: false), at: .zero)
        #expect(outbound == .first(4))
        let last = table.add(connection(from: smaller, to: try testPeer(5), isInbound: false), at: .zero)
        #expect(refusal(last) == limitError("4 connections", try testPeer(5)))
    }

    @Test func whichOneMakesRoom() throws {
        var table = table(of: smaller, maximum: 4, perPeer: 2)
        func victim(_ peer: PeerID, isInbound: Bool = true, at now: Duration = .seconds(9)) -> ConnectionTable.ID? {
            table.victim(
                for: connection(from: smaller, to: peer, isInbound: isInbound), at: now, grace: .seconds(2))?.id
        }
        #expect(victim(smaller) == nil)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .seconds(1))
        #expect(victim(larger) == 1, "the retired one")
        let (three, four) = (try testPeer(3), try testPeer(4))
        #expect(victim(three) == nil, "there is room")
        _ = table.add(connection(from: smaller, to: three, isInbound: true), at: .seconds(2))
        #expect(victim(four) == 1)
        #expect(victim(four, isInbound: false) == nil, "there is room for a dial")
        table.lease(1)
        #expect(victim(four) == 2, "the first is in use")
        _ = table.serve(2, limit: 1)
        #expect(victim(four) == 3)
        #expect(victim(four, at: .seconds(3)) == nil, "too young")
    }

    @Test func aRetiredOneIsIdleWhenNoStreamUsesIt() {
        var table = table(of: smaller)
        _ = table.add(connection(from: smaller, to: larger, isInbound: true), at: .zero)
        table.lease(1)
        let served = (table.serve(1, limit: 1), table.serve(1, limit: 1))
        #expect(served == (true, false))
        _ = table.add(connection(from: smaller, to: larger, isInbound: false), at: .zero)
        let isIdle = table.release(1)
        #expect(!isIdle, "it is still being served")
        table.endService(1)
        #expect(table.isIdle(1, evenIfCurrent: false))
        #expect(!table.isIdle(2, evenIfCurrent: false))
        #expect(table.isIdle(2, evenIfCurrent: true))
        #expect(!table.isIdle(3, evenIfCurrent: true))
    }
}
