import Multiformats
import Testing

@testable import PeerNode

extension InboundRequests {
    /// Whether a request may be answered, of those that do not wait.
    fileprivate mutating func admit(_ peer: PeerID, of network: IPNetwork? = nil, at now: Duration) -> Bool {
        reserve(peer, of: network, at: now) != nil
    }
}

@Suite struct InboundRequestsTests {
    private let peer: PeerID
    private let other: PeerID

    init() throws {
        (peer, other) = (try testPeer(1), try testPeer(2))
    }

    private static func requests(ofPeers maximumPeers: Int = 9) -> InboundRequests {
        InboundRequests(
            maximumPeers: maximumPeers, maximumStreamsPerPeer: 2, maximumPendingBytes: 150,
            maximumPendingBytesPerPeer: 100, rate: RateLimit(burst: 3, perSecond: 10),
            ratePerNetwork: RateLimit(burst: 1_000_000, perSecond: 1_000_000),
            maximumWait: .zero)
    }

    @Test func aPeerHasSoManyStreams() {
        var requests = Self.requests()
        let opened = [peer, peer, peer, other].map { requests.open($0, at: .zero) }
        #expect(opened == [true, true, false, true])
        requests.close(peer)
        let isOpen = requests.open(peer, at: .zero)
        #expect(isOpen)
    }

    @Test func bytesOfUnfinishedRequestsAreBounded() {
        var requests = Self.requests()
        let isHeldOfStranger = requests.hold(1, insteadOf: 0, from: peer)
        #expect(!isHeldOfStranger)
        for peer in [peer, peer, other] { _ = requests.open(peer, at: .zero) }
        let held = [
            requests.hold(60, insteadOf: 0, from: peer), requests.hold(41, insteadOf: 0, from: peer),
            requests.hold(40, insteadOf: 0, from: peer), requests.hold(51, insteadOf: 0, from: other),
            requests.hold(50, insteadOf: 0, from: other),
        ]
        #expect(held == [true, false, true, false, true], "60 + 40 of one, 50 of the other")
        #expect(requests.pendingBytes == 150)
        // What is complete makes room for others.
        let later = [
            requests.hold(10, insteadOf: 60, from: peer), requests.hold(100, insteadOf: 50, from: other),
        ]
        #expect(later == [true, true] && requests.pendingBytes == 150)
        requests.close(peer, holding: 10)
        requests.close(peer, holding: 40)
        requests.close(other, holding: 100)
        #expect(requests.pendingBytes == 0)
    }

    @Test func aPeerThatAsksTooOftenWaits() {
        var requests = Self.requests()
        for peer in [peer, other] { _ = requests.open(peer, at: .zero) }
        let atOnce = (0..<4).map { _ in requests.admit(peer, at: .seconds(1)) }
        #expect(atOnce == [true, true, true, false])
        let others = requests.admit(other, at: .seconds(1))
        #expect(others)
        let later = [1_099, 1_150, 1_150].map { requests.admit(peer, at: .milliseconds($0)) }
        #expect(later == [false, true, false])
        // Never more at once than the burst, however long it was quiet.
        let muchLater = (0..<4).map { _ in requests.admit(peer, at: .seconds(1_000)) }
        #expect(muchLater == [true, true, true, false])
    }

    /// Each request above the rate has its turn behind those before it, on whatever stream; what would wait too long is refused,
    /// and is not counted.
    @Test func requestsWaitForTheirTurn() throws {
        var requests = InboundRequests(
            maximumPeers: 9, maximumStreamsPerPeer: 9, maximumPendingBytes: 150, maximumPendingBytesPerPeer: 100,
            rate: RateLimit(burst: 2, perSecond: 10), ratePerNetwork: RateLimit(burst: 3, perSecond: 5),
            maximumWait: .milliseconds(300))
        for peer in [peer, other] { _ = requests.open(peer, at: .zero) }
        let waits = (0..<6).map { _ in requests.reserve(peer, at: .zero).map { Int($0 / .milliseconds(1) + 0.5) } }
        #expect(waits == [0, 0, 100, 200, 300, nil])
        let later = requests.reserve(peer, at: .milliseconds(100)).map { Int($0 / .milliseconds(1) + 0.5) }
        #expect(later == 300)
        let network = IPNetwork(try Multiaddr("/ip4/66.6.6.6/tcp/1"))
        let ofNetwork = (0..<5).map { _ in
            requests.reserve(other, of: network, at: .seconds(9)).map { Int($0 / .milliseconds(1) + 0.5) }
        }
        #expect(
            ofNetwork == [0, 0, 100, 200, nil], "the network is slower than the peer, and its first three were there")
    }

    @Test func anotherStreamBringsNoNewAllowance() {
        var requests = Self.requests()
        _ = requests.open(peer, at: .zero)
        for _ in 0..<3 { _ = requests.admit(peer, at: .zero) }
        requests.close(peer)
        let isOpen = requests.open(peer, at: .zero)
        let isAdmitted = requests.admit(peer, at: .zero)
        #expect(isOpen && !isAdmitted)
    }

    @Test func whoIsGoneIsForgotten() {
        var requests = Self.requests()
        let isAdmitted = requests.admit(peer, at: .zero)
        #expect(!isAdmitted && requests.count == 0)
        _ = requests.open(peer, at: .zero)
        // The connection ends before the stream is over.
        requests.forget(peer)
        #expect(requests.count == 1)
        requests.close(peer)
        #expect(requests.count == 0)
        _ = requests.open(peer, at: .zero)
        requests.close(peer)
        #expect(requests.count == 1)
        requests.forget(peer)
        #expect(requests.count == 0)
    }

    /// Of connections that were refused while a stream was open on them nobody tells the end.
    @Test func r2PeersThatNobodyTellsTheEndOfAreBounded() throws {
        var requests = Self.requests(ofPeers: 4)
        _ = requests.open(peer, at: .zero)
        _ = requests.open(other, at: .zero)
        for _ in 0..<3 { _ = requests.admit(other, at: .zero) }
        requests.close(other)
        for number in UInt8(10)...200 {
            let isOpen = requests.open(try testPeer(number), at: .zero)
            requests.close(try testPeer(number))
            #expect(isOpen && requests.count <= 4)
        }
        // The node that has asked much is not forgotten, nor who has a stream.
        let isOpen = requests.open(other, at: .zero)
        let isAdmitted = (requests.admit(other, at: .zero), requests.admit(peer, at: .zero))
        #expect(isOpen && isAdmitted == (false, true))
        let opened = try [11, 12, 13].map { requests.open(try testPeer($0), at: .zero) }
        #expect(opened == [true, true, false], "all four have a stream")
    }

    /// All identities of one network have one allowance, beside that of each; others have theirs.
    @Test func r14ANetworkHasOneAllowance() throws {
        var requests = InboundRequests(
            maximumPeers: 20, maximumStreamsPerPeer: 2, maximumPendingBytes: 150, maximumPendingBytesPerPeer: 100,
            rate: RateLimit(burst: 3, perSecond: 10), ratePerNetwork: RateLimit(burst: 4, perSecond: 5),
            maximumWait: .zero)
        let network = IPNetwork(try Multiaddr("/ip4/66.6.6.6/tcp/1"))
        let other = IPNetwork(try Multiaddr("/ip4/77.7.7.7/tcp/1"))
        var admitted = 0
        for number in UInt8(1)...8 {
            _ = requests.open(try testPeer(number), at: .zero)
            if requests.admit(try testPeer(number), of: network, at: .zero) { admitted += 1 }
        }
        #expect(admitted == 4)
        let isOtherAdmitted = requests.admit(try testPeer(1), of: other, at: .zero)
        let isFreeAdmitted = requests.admit(try testPeer(2), of: nil, at: .zero)
        #expect(isOtherAdmitted && isFreeAdmitted)
        // After a second five more, as much as there is room for.
        var later = 0
        for number in UInt8(1)...8 where requests.admit(try testPeer(number), of: network, at: .seconds(1)) {
            later += 1
        }
        #expect(later == 4)
    }

    /// A request that the network may not make costs the peer nothing.
    @Test func r14WhatTheNetworkIsRefusedIsNotChargedToThePeer() throws {
        var requests = InboundRequests(
            maximumPeers: 9, maximumStreamsPerPeer: 2, maximumPendingBytes: 150, maximumPendingBytesPerPeer: 100,
            rate: RateLimit(burst: 3, perSecond: 0.001), ratePerNetwork: RateLimit(burst: 1, perSecond: 0.001),
            maximumWait: .zero)
        let network = IPNetwork(try Multiaddr("/ip4/66.6.6.6/tcp/1"))
        for peer in [peer, other] { _ = requests.open(peer, at: .zero) }
        let ofNeighbor = requests.admit(other, of: network, at: .zero)
        let refused = (0..<9).map { _ in requests.admit(peer, of: network, at: .zero) }
        #expect(ofNeighbor && !refused.contains(true))
        let elsewhere = (0..<4).map { _ in requests.admit(peer, at: .zero) }
        #expect(elsewhere == [true, true, true, false])
    }

    @Test func r14NetworksAreBounded() throws {
        var requests = InboundRequests(
            maximumPeers: 3, maximumStreamsPerPeer: 2, maximumPendingBytes: 150, maximumPendingBytesPerPeer: 100,
            rate: RateLimit(burst: 100, perSecond: 100), ratePerNetwork: RateLimit(burst: 2, perSecond: 1),
            maximumWait: .zero)
        _ = requests.open(peer, at: .zero)
        var admitted = 0
        for number in 0..<10 {
            let network = IPNetwork(try Multiaddr("/ip4/66.6.\(number).6/tcp/1"))
            if requests.admit(peer, of: network, at: .zero) { admitted += 1 }
        }
        #expect(admitted == 3 && requests.networkCount == 3)
        // Those that have their whole allowance again are forgotten.
        let isAdmitted = requests.admit(peer, of: IPNetwork(try Multiaddr("/ip4/77.6.6.6/tcp/1")), at: .seconds(2))
        #expect(isAdmitted && requests.networkCount == 1)
    }
}
