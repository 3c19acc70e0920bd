import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// R19: a key's list of providers that is filled with equals.
@Suite("R19: a list of providers that is filled with equals")
struct R19ProviderListTests {
    private let key: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)

    /// What a list of 64 is filled with.
    enum Flood: String, CaseIterable, Sendable {
        /// Identities on one host of a local network.
        case oneHost
        /// A /48 each, all of one /32.
        case oneAllocation
        /// A /24 each.
        case networks

        func address(_ number: Int) -> String {
            switch self {
            case .oneHost: "/ip4/192.168.1.66/tcp/\(4_000 + number)"
            case .oneAllocation: "/ip6/2a0e:6666:\(String(number, radix: 16))::1/tcp/4001"
            case .networks: "/ip4/66.6.\(number).1/tcp/4001"
            }
        }
    }

    private func isTaken(_ node: Harness, _ number: Int, _ text: String, key: [UInt8]) throws -> Bool {
        let address = try Multiaddr(text)
        let record = KademliaMessage.Peer(id: node.peer(number).bytes, addresses: [address.bytes])
        return node.ask(
            KademliaMessage(kind: .addProvider, key: key, providerPeers: [record]), from: number, at: address
        ).hasNoReply
    }

    private func holds(_ node: Harness, _ number: Int) -> Bool {
        node.machine.server.providers.records(key, at: node.now.monotonic).contains { $0.peer == node.peer(number) }
    }

    private func addresses(_ node: Harness) -> [String] {
        node.machine.server.providers.records(key, at: node.now.monotonic).compactMap { record in
            record.addresses.first.flatMap { Multiaddr(known: $0) }?.description
        }
    }

    @Test(arguments: Flood.allCases) func r19ANewcomerHasAChance(flood: Flood) throws {
        let node = try Harness { $0.exemptsPrivateGroups = true }
        for number in 1...64 { #expect(try isTaken(node, number, flood.address(number), key: key)) }
        #expect(try isTaken(node, 100, "/ip4/192.168.1.7/tcp/4001", key: key))
        #expect(holds(node, 100))
        #expect(try isTaken(node, 101, "/ip4/8.8.8.8/tcp/4001", key: key))
        #expect(holds(node, 101))
    }

    /// The network with most gives way: the first comers stay, however long the flood goes on.
    @Test(arguments: [Flood.oneHost, .oneAllocation]) func r19AFloodPushesOutItself(flood: Flood) throws {
        let node = try Harness { $0.exemptsPrivateGroups = true }
        for number in 1...10 { #expect(try isTaken(node, number, "/ip4/9.\(number).9.9/tcp/4001", key: key)) }
        for number in 20..<190 { _ = try isTaken(node, number, flood.address(number), key: key) }
        for number in 1...10 { #expect(holds(node, number)) }
        #expect(addresses(node).count == 64)
    }

    /// One /48 of a provider's /32 that floods does not push out its neighbors there.
    @Test func r19NeighborsInAnAllocationStay() throws {
        let node = try Harness()
        for number in 1...10 { #expect(try isTaken(node, number, Flood.oneAllocation.address(number), key: key)) }
        for number in 20..<190 {
            _ = try isTaken(node, number, "/ip6/2a0e:6666:ffff:\(String(number, radix: 16))::1/tcp/4001", key: key)
        }
        for number in 1...10 { #expect(holds(node, number)) }
    }

    /// Of equals any may go: not always the same, neither the first nor the last.
    @Test func r19AmongEqualsChanceDecides() throws {
        var gone: Set<Int> = []
        for seed in UInt64(1)...20 {
            let node = try Harness(seed: seed)
            for number in 1...64 { #expect(try isTaken(node, number, Flood.networks.address(number), key: key)) }
            #expect(try isTaken(node, 100, "/ip4/8.8.8.8/tcp/4001", key: key))
            gone.formUnion((1...64).filter { !holds(node, $0) })
        }
        #expect(gone.count >= 10, "\(gone)")
    }

    /// The same for all records together.
    @Test(arguments: Flood.allCases) func r19AFullStoreHasRoomForNewcomers(flood: Flood) throws {
        let node = try Harness {
            $0.exemptsPrivateGroups = true
            $0.limits.providerRecords = 64
        }
        for number in 1...64 {
            #expect(try isTaken(node, number, flood.address(number), key: [0x12, UInt8(number)]))
        }
        #expect(try isTaken(node, 100, "/ip4/8.8.8.8/tcp/4001", key: key))
        #expect(holds(node, 100))
    }

    /// And for values.
    @Test(arguments: Flood.allCases) func r19FullValuesHaveRoomForNewcomers(flood: Flood) throws {
        let node = try Harness {
            $0.exemptsPrivateGroups = true
            $0.limits.values = 64
            $0.limits.valuesBytes = 64 << 10
        }
        func put(_ number: Int, _ text: String) throws -> KademliaMessage? {
            let name = Array("/counter/\(number)".utf8)
            let record = KademliaMessage.Record(key: name, value: CounterRules.value(1, "value"))
            return node.ask(
                KademliaMessage(kind: .putValue, key: name, record: record), from: number, at: try Multiaddr(text)
            ).reply
        }
        for number in 1...64 { #expect(try put(number, flood.address(number)) != nil) }
        #expect(try put(100, "/ip4/8.8.8.8/tcp/4001") != nil)
        #expect(node.machine.server.values.record(Array("/counter/100".utf8), at: node.now) != nil)
    }

    /// A neighbor of a peer that has all that a network may have still finds room there.
    @Test func r19OneAddressDoesNotUseUpItsNetwork() throws {
        let node = try Harness { $0.limits.providerRecordsPerSource = 8 }
        for number in 1...20 {
            _ = try isTaken(node, number, "/ip4/66.6.6.6/tcp/4001", key: [0x12, UInt8(number)])
        }
        #expect(try isTaken(node, 100, "/ip4/66.6.6.7/tcp/4001", key: key))
        #expect(holds(node, 100))
    }

    /// In answers each network has its chance, not each record; records with an address where they came from stand first.
    @Test func r19AnswersAreDrawnPerNetwork() throws {
        let node = try Harness()
        for number in 1...40 {
            let text = "/ip6/2a0e:6666:\(String(number, radix: 16))::1/tcp/4001"
            #expect(try isTaken(node, number, text, key: key))
        }
        for number in 101...110 { #expect(try isTaken(node, number, "/ip4/9.\(number).9.9/tcp/4001", key: key)) }
        // This one says that it is where it is not.
        let elsewhere = KademliaMessage.Peer(
            id: node.peer(120).bytes, addresses: [try Multiaddr("/ip4/77.7.7.7/tcp/4001").bytes])
        node.ask(
            KademliaMessage(kind: .addProvider, key: key, providerPeers: [elsewhere]), from: 120,
            at: try Multiaddr("/ip4/9.120.9.9/tcp/4001"))
        for _ in 0..<10 {
            let told = node.ask(KademliaMessage(kind: .getProviders, key: key), from: 199).reply?.providerPeers ?? []
            let numbers = told.compactMap { peer in (1..<200).first { node.peer($0).bytes == peer.id } }
            #expect(numbers.count == 32)
            for number in 101...110 { #expect(numbers.contains(number)) }
            #expect(numbers.first != 120)
        }
    }
}
