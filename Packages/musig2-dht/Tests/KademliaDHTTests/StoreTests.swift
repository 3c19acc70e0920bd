import KademliaSimulation
import Multiformats
import Testing

@testable import KademliaDHT

// What chance decides is not the matter here.
extension ProviderStore {
    fileprivate mutating func add(
        _ peer: PeerID, key: [UInt8], addresses: [[UInt8]], source: RecordSource, at time: Duration
    ) -> Bool {
        var generator = SeededGenerator(seed: 1)
        return add(
            peer, key: key, addresses: addresses, isFromThere: true, source: source, at: time, using: &generator)
    }
}

extension ValueStore {
    fileprivate mutating func put(
        _ value: [UInt8], at key: [UInt8], source: RecordSource, at now: Kademlia.Now
    ) -> Bool {
        var generator = SeededGenerator(seed: 1)
        return put(value, at: key, validUntil: .max, source: source, at: now, using: &generator)
    }
}

@Suite("Stores of values and provider records")
struct StoreTests {
    private let population: Population

    init() throws {
        population = try Population(400, seed: 12)
    }

    private func configuration(_ change: (inout Kademlia.Limits) -> Void) -> Kademlia.Configuration {
        var configuration = Kademlia.Configuration()
        change(&configuration.limits)
        return configuration
    }

    /// What comes from the first host of a /24.
    private func source(_ network: UInt32, host: UInt32 = 1) -> RecordSource {
        let components: [Multiaddr.Component] = [.ip4(IPv4Address(network << 8 | host)), .tcp(4_001)]
        return RecordSource(peer(0), at: try? Multiaddr(components), isExempt: false)
    }
    private func peer(_ number: Int) -> PeerID { population.contacts[number].peer }

    private func now(_ seconds: Int) -> Kademlia.Now {
        Kademlia.Now(monotonic: .seconds(seconds), wallMilliseconds: UInt64(seconds) * 1_000)
    }

    @Test func aProviderIsRenewedInItsPlace() {
        var store = ProviderStore(configuration { _ in })
        for time in [1, 2, 3] {
            #expect(
                true == store.add(peer(1), key: [1], addresses: [[UInt8(time)]], source: source(1), at: .seconds(time)))
        }
        #expect(store.count == 1)
        let records = store.records([1], at: .seconds(4))
        #expect(records.map(\.addresses) == [[[3]]] && records.map(\.storedAt) == [.seconds(3)])
    }

    @Test func providersExpire() {
        var store = ProviderStore(configuration { _ in })
        #expect(true == store.add(peer(1), key: [1], addresses: [], source: source(1), at: .zero))
        #expect(true == store.add(peer(2), key: [1], addresses: [], source: source(2), at: .seconds(3_600)))
        let almost = Duration.seconds(48 * 3_600 - 1)
        #expect(store.records([1], at: almost).count == 2)
        #expect(store.records([1], at: .seconds(48 * 3_600)).map(\.peer) == [peer(2)])
        store.removeExpired(at: .seconds(48 * 3_600))
        #expect(store.count == 1 && store._checkInvariants() == [])
        store.removeExpired(at: .seconds(50 * 3_600))
        #expect(store.count == 0 && store._checkInvariants() == [])
    }

    @Test func aSourceHasALimit() {
        var store = ProviderStore(configuration { $0.providerRecordsPerSource = 3 })
        for key in 0..<3 {
            #expect(true == store.add(peer(key), key: [UInt8(key)], addresses: [], source: source(1), at: .zero))
        }
        #expect(false == store.add(peer(9), key: [9], addresses: [], source: source(1), at: .zero))
        #expect(true == store.add(peer(9), key: [9], addresses: [], source: source(2), at: .zero))
        // A neighbor takes the place of one that has more.
        #expect(true == store.add(peer(8), key: [8], addresses: [], source: source(1, host: 2), at: .zero))
        #expect(store.count == 4 && store._checkInvariants() == [])
    }

    /// S12: a peer that floods the store pushes out its own records.
    @Test func s12AFloodDoesNotPushOutOthers() {
        var store = ProviderStore(configuration { $0.providerRecords = 64 })
        for honest in 0..<10 {
            #expect(
                true
                    == store.add(
                        peer(honest), key: [1, UInt8(honest)], addresses: [], source: source(UInt32(honest)), at: .zero)
            )
        }
        for flood in 0..<2_000 {
            let key = [2, UInt8(flood >> 8), UInt8(flood & 255)]
            _ = store.add(
                peer(100 + flood % 4), key: key, addresses: [], source: source(UInt32(100 + flood % 4)), at: .zero)
            #expect(store._checkInvariants() == [])
        }
        #expect(store.count == 64)
        for honest in 0..<10 { #expect(store.records([1, UInt8(honest)], at: .zero).map(\.peer) == [peer(honest)]) }
        // And later peers still find room.
        for late in 10..<20 {
            #expect(
                true
                    == store.add(
                        peer(late), key: [1, UInt8(late)], addresses: [], source: source(UInt32(late)), at: .zero))
        }
        for honest in 0..<20 { #expect(store.records([1, UInt8(honest)], at: .zero).map(\.peer) == [peer(honest)]) }
        #expect(store.count == 64 && store._checkInvariants() == [])
    }

    /// S12, S17: the same holds for a peer that floods a key.
    @Test func s12AKeyKeepsItsProviders() {
        var store = ProviderStore(configuration { $0.providersPerKey = 8 })
        #expect(true == store.add(peer(0), key: [1], addresses: [], source: source(0), at: .zero))
        for flood in 1...100 { _ = store.add(peer(flood), key: [1], addresses: [], source: source(1), at: .zero) }
        #expect(store.count == 8)
        #expect(true == store.add(peer(200), key: [1], addresses: [], source: source(2), at: .zero))
        let held = store.records([1], at: .zero).map(\.peer)
        #expect(held.count == 8 && held.contains(peer(0)) && held.contains(peer(200)))
        #expect(store._checkInvariants() == [])
    }

    @Test func randomProvidersKeepTheStoreSound() {
        var generator = SeededGenerator(seed: 77)
        var store = ProviderStore(
            configuration {
                $0.providerRecords = 40
                $0.providersPerKey = 5
                $0.providerRecordsPerSource = 12
            })
        for step in 0..<5_000 {
            if step % 100 == 99 { store.removeExpired(at: .seconds(step * 100)) }
            let peer = peer(Int.random(in: 0..<60, using: &generator))
            let source = source(UInt32.random(in: 0..<8, using: &generator))
            _ = store.add(
                peer, key: [UInt8.random(in: 0..<30, using: &generator)], addresses: [], source: source,
                at: .seconds(step * 100))
            #expect(store._checkInvariants() == [], "step \(step)")
        }
    }

    @Test func valuesAreReplacedAndExpire() {
        var store = ValueStore(configuration { _ in })
        #expect(true == store.put([1], at: [7], source: source(1), at: now(1)))
        #expect(true == store.put([2, 2], at: [7], source: source(2), at: now(2)))
        #expect(store.count == 1 && store.weight == 4_096)
        #expect(store.record([7], at: now(3))?.value == [2, 2])
        #expect(store.record([7], at: now(48 * 3_600 + 2)) == nil)
        store.removeExpired(at: now(48 * 3_600 + 2))
        #expect(store.count == 0 && store.weight == 0 && store._checkInvariants() == [])
    }

    @Test func valuesHaveLimits() {
        var store = ValueStore(
            configuration {
                $0.values = 500
                $0.valuesBytes = 1_000
                $0.valuesBytesPerSource = 500
            })
        let big = [UInt8](repeating: 1, count: 300)
        #expect(true == store.put([1], at: [0], source: source(0), at: now(0)))
        #expect(true == store.put(big, at: [1], source: source(1), at: now(0)))
        #expect(false == store.put(big, at: [2], source: source(1), at: now(0)), "more bytes than one source may have")
        #expect(true == store.put(big, at: [2], source: source(2), at: now(0)))
        #expect(true == store.put(big, at: [3], source: source(3), at: now(0)))
        // Full. Larger than the largest share: no room. As large, or smaller: one of the largest gives way.
        #expect(false == store.put([UInt8](repeating: 1, count: 400), at: [4], source: source(4), at: now(0)))
        #expect(true == store.put(big, at: [4], source: source(4), at: now(0)))
        #expect(store.count == 4)
        #expect(true == store.put([UInt8](repeating: 1, count: 200), at: [4], source: source(4), at: now(0)))
        #expect(store.record([0], at: now(0)) != nil)
        #expect(store.weight <= 1_000 && store._checkInvariants() == [])
        // A replacement that finds no room leaves the old value.
        #expect(false == store.put([UInt8](repeating: 9, count: 499), at: [0], source: source(0), at: now(0)))
        #expect(store.record([0], at: now(0))?.value == [1])
        #expect(store._checkInvariants() == [])
        store.remove([0])
        #expect(store.record([0], at: now(0)) == nil)
    }

    /// S12: a peer that puts many small values does not push out the large ones of others.
    @Test func s12ManySmallValuesWeighWhatTheyTake() {
        var store = ValueStore(
            configuration {
                $0.values = 10
                $0.valuesBytes = 1_000
                $0.valuesBytesPerSource = 900
            })
        let large = [UInt8](repeating: 1, count: 199)
        #expect(true == store.put(large, at: [0], source: source(0), at: now(0)))
        for key in 10..<100 { _ = store.put([1], at: [UInt8(key)], source: source(1), at: now(0)) }
        #expect(store.weight == 1_000 && store.count == 9)
        for key in 1..<3 { #expect(true == store.put([1], at: [UInt8(key)], source: source(2), at: now(0))) }
        #expect(store.record([0], at: now(0))?.value == large)
        #expect(store._checkInvariants() == [])
    }

    /// S12: a peer that puts the value of another once more does not make it its own.
    @Test func s12AValueBelongsToWhoBroughtIt() {
        var store = ValueStore(
            configuration {
                $0.values = 4
                $0.valuesBytes = 400
                $0.valuesBytesPerSource = 400
            })
        for key in 0..<2 { #expect(true == store.put([1], at: [UInt8(key)], source: source(1), at: now(0))) }
        for key in 2..<4 { #expect(true == store.put([1], at: [UInt8(key)], source: source(2), at: now(0))) }
        #expect(true == store.put([1], at: [0], source: source(2), at: now(1)))
        #expect(store.record([0], at: now(0))?.storedAt == .seconds(1))
        #expect(store.record([0], at: now(0))?.source == source(1))
        #expect(store._checkInvariants() == [])
    }

    @Test func whatFindsNoRoomPushesNobodyOut() {
        var store = ValueStore(
            configuration {
                $0.values = 100
                $0.valuesBytes = 1_000
                $0.valuesBytesPerSource = 500
            })
        func put(_ count: Int, _ key: UInt8, _ network: UInt32) -> Bool {
            store.put([UInt8](repeating: 1, count: count - 1), at: [key], source: source(network), at: now(0))
        }
        #expect(put(200, 0, 0) && put(200, 1, 0) && put(300, 2, 1) && put(300, 3, 2))
        // The first of the heaviest would give way, but that is not enough, and then none is heavy enough.
        #expect(!put(390, 4, 3))
        #expect(store.count == 4 && store.weight == 1_000 && store._checkInvariants() == [])
    }

    @Test func randomValuesKeepTheStoreSound() {
        var generator = SeededGenerator(seed: 78)
        var store = ValueStore(
            configuration {
                $0.values = 20
                $0.valuesBytes = 600
                $0.valuesBytesPerSource = 200
            })
        for step in 0..<5_000 {
            let value = generator.bytes(Int.random(in: 0..<80, using: &generator))
            let source = source(UInt32.random(in: 0..<8, using: &generator))
            _ = store.put(value, at: [UInt8.random(in: 0..<60, using: &generator)], source: source, at: now(step * 100))
            if step % 100 == 99 { store.removeExpired(at: now(step * 100)) }
            if step % 7 == 0 { store.remove([UInt8.random(in: 0..<60, using: &generator)]) }
            #expect(store._checkInvariants() == [], "step \(step)")
        }
    }

    @Test func groups() throws {
        func group(_ text: String) throws -> NetworkGroup { NetworkGroup(try Multiaddr(text)) }
        #expect(try group("/ip4/1.2.3.4/tcp/1") == .ip4(0x010203))
        #expect(try group("/ip4/1.2.3.99/udp/1/quic-v1") == .ip4(0x010203))
        #expect(try group("/ip6/2001:db8:1:2::1/tcp/1") == .ip6(0x2001_0db8_0001))
        #expect(try group("/ip6/2001:db8:1:ffff::1/tcp/1") == .ip6(0x2001_0db8_0001))
        #expect(try group("/ip6/::ffff:1.2.3.4/tcp/1") == .ip4(0x010203))
        #expect(try group("/dns4/a.b.Example.org/tcp/1") == .domain("example.org"))
        #expect(try group("/memory/9") == .machine)
        var groups = NetworkGroups()
        for text in ["/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.5/tcp/1", "/ip6/2001:db8::1/tcp/1"] {
            groups.insert(try Multiaddr(text))
        }
        #expect(groups.all == [.ip4(0x010203), .ip6(0x2001_0db8_0000), .ip6Allocation(0x2001_0db8)])
    }
}
