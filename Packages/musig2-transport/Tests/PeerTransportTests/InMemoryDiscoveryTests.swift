import Multiformats
import Testing

@testable import PeerTransport
@testable import PeerTransportTestKit

@Suite struct InMemoryDiscoveryTests {
    private let clock = VirtualClock(wallMilliseconds: 1_000_000)
    private let key: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 1, count: 32)
    private let name = Array("/test/one".utf8)

    /// Values begin with 1; of two the longer is better.
    private struct Rules: ValueRules {
        func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool { value.first == 1 }
        func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool { left.count > right.count }
    }

    private func discovery(_ limits: InMemoryDiscovery.Limits = InMemoryDiscovery.Limits()) -> InMemoryDiscovery {
        InMemoryDiscovery(timeSource: clock.timeSource, rules: ["test": Rules()], limits: limits)
    }

    private func peer(_ number: UInt8) throws -> PeerID {
        try PeerID(
            publicKey: PublicKeyProtobuf(type: .ed25519, data: [UInt8](repeating: number, count: 32)))
    }

    private func member(_ number: UInt8, of discovery: InMemoryDiscovery) throws -> InMemoryDiscoveryMember {
        let address = try Multiaddr("/memory/\(number)")
        return discovery.member(try peer(number)) { [address] }
    }

    @Test func providersAreFoundUntilTheyRunOut() async throws {
        let discovery = discovery()
        let one = try member(1, of: discovery)
        let two = try member(2, of: discovery)
        #expect(try await two.lookup(key, limit: 9) == [])
        try await one.publish(key, for: .seconds(60))
        clock.advance(by: .seconds(10))
        try await two.publish(key, for: .seconds(100))
        #expect(
            try await two.lookup(key, limit: 9) == [
                DiscoveredPeer(peer: peer(2), addresses: [Multiaddr("/memory/2")], age: .zero),
                DiscoveredPeer(peer: peer(1), addresses: [Multiaddr("/memory/1")], age: .seconds(10)),
            ])
        #expect(try await two.lookup(key, limit: 1).map(\.peer) == [peer(2)])
        #expect(discovery.keys(providedBy: try peer(1)) == [key])
        clock.advance(by: .seconds(50))
        #expect(try await two.lookup(key, limit: 9).map(\.peer) == [peer(2)])
        #expect(discovery.keys(providedBy: try peer(1)) == [])
        #expect(discovery.providerRecords.count == 2)
    }

    /// What is withdrawn cannot be called back: it is still given out for a while.
    @Test func whatIsWithdrawnRunsOut() async throws {
        var limits = InMemoryDiscovery.Limits()
        limits.afterglow = .seconds(30)
        let discovery = discovery(limits)
        let one = try member(1, of: discovery)
        try await one.publish(key, for: .seconds(600))
        try await one.publish([1, 2], at: name, for: .seconds(600))
        #expect(discovery.renewedNames == [name])
        await one.withdraw(key)
        await one.withdrawValue(at: name)
        #expect(discovery.keys(providedBy: try peer(1)) == [])
        #expect(discovery.renewedNames == [])
        #expect(try await one.lookup(key, limit: 9).count == 1)
        #expect(try await one.value(at: name)?.value == [1, 2])
        clock.advance(by: .seconds(30))
        #expect(try await one.lookup(key, limit: 9) == [])
        #expect(try await one.value(at: name) == nil)
    }

    @Test func valuesKeepTheirRules() async throws {
        let discovery = discovery()
        let one = try member(1, of: discovery)
        await #expect(throws: TransportError(.invalidArgument, "")) {
            try await one.publish([2], at: name, for: .seconds(60))
        }
        for other in ["/other/one", "test/one", "one", ""] {
            await #expect(throws: TransportError(.invalidArgument, "")) {
                try await one.publish([1], at: Array(other.utf8), for: .seconds(60))
            }
        }
        try await one.publish([1, 1, 1], at: name, for: .seconds(60))
        clock.advance(by: .seconds(5))
        // The worse one changes nothing.
        try await one.publish([1, 1], at: name, for: .seconds(60))
        #expect(try await one.value(at: name) == DiscoveredValue(value: [1, 1, 1], age: .seconds(5)))
        try await one.publish([1, 1, 1, 1], at: name, for: .seconds(60))
        #expect(try await one.value(at: name) == DiscoveredValue(value: [1, 1, 1, 1], age: .zero))
    }

    /// Hostile holders return forgeries and name peers of their own; the honest ones' answers are among the first.
    @Test func mostHoldersAreHostile() async throws {
        let discovery = discovery()
        let one = try member(1, of: discovery)
        try await one.publish(key, for: .seconds(60))
        try await one.publish([1, 1], at: name, for: .seconds(60))
        let fakes = try (100..<200 as Range<UInt8>).map { DiscoveredPeer(peer: try peer($0), addresses: []) }
        discovery.faults = InMemoryDiscovery.Faults(
            hostileShare: 0.9, peers: [key: fakes], values: [name: [[2, 2, 2], [], [1]]])
        let found = try await one.lookup(key, limit: 20)
        #expect(found.count == 20)
        #expect(found.prefix(2).contains { $0.peer == one.peer })
        #expect(try await one.value(at: name)?.value == [1, 1])
        discovery.faults.hostileShare = 1
        #expect(try await one.lookup(key, limit: 200).contains { $0.peer == one.peer } == false)
        #expect(try await one.value(at: name)?.value == [1])
    }

    @Test func callsFail() async throws {
        let discovery = discovery()
        let one = try member(1, of: discovery)
        discovery.faults.failingCalls = 4
        await #expect(throws: TransportError(.unreachable, "")) { try await one.publish(key, for: .seconds(1)) }
        await #expect(throws: TransportError(.unreachable, "")) { try await one.lookup(key, limit: 1) }
        await #expect(throws: TransportError(.unreachable, "")) {
            try await one.publish([1], at: name, for: .seconds(1))
        }
        await #expect(throws: TransportError(.unreachable, "")) { try await one.value(at: name) }
        try await one.publish(key, for: .seconds(1))
        #expect(discovery.faults.failingCalls == 0)
    }

    @Test func everythingIsBounded() async throws {
        var limits = InMemoryDiscovery.Limits()
        limits.keys = 2
        limits.providersPerKey = 3
        limits.valueBytes = 4
        let discovery = discovery(limits)
        for number in 1...5 as ClosedRange<UInt8> {
            try await member(number, of: discovery).publish(key, for: .seconds(60))
        }
        let one = try member(1, of: discovery)
        #expect(try await one.lookup(key, limit: 9).map(\.peer) == [peer(5), peer(4), peer(3)])
        try await one.publish([9], for: .seconds(60))
        await #expect(throws: TransportError(.limitExceeded, "")) { try await one.publish([8], for: .seconds(60)) }
        await #expect(throws: TransportError(.invalidArgument, "")) { try await one.publish([], for: .seconds(60)) }
        await #expect(throws: TransportError(.invalidArgument, "")) { try await one.publish(key, for: .zero) }
        await #expect(throws: TransportError(.invalidArgument, "")) {
            try await one.publish([1, 1, 1, 1, 1], at: name, for: .seconds(60))
        }
        try await one.publish([1], at: Array("/test/1".utf8), for: .seconds(60))
        try await one.publish([1], at: Array("/test/2".utf8), for: .seconds(60))
        await #expect(throws: TransportError(.limitExceeded, "")) {
            try await one.publish([1], at: Array("/test/3".utf8), for: .seconds(60))
        }
        #expect(discovery.providerRecords.count == 2)
    }
}
