import KademliaSimulation
import Multiformats
import Synchronization
import Testing
import WireCodec

@testable import KademliaDHT

/// R14: values that cost much to check, asked for and put again and again.
struct R14ExpensiveValueTests {
    /// Counts how often a value is looked at. The first eight bytes say until when it is valid.
    private final class DearRules: RecordRules {
        let checks = Atomic<Int>(0)
        let comparisons = Atomic<Int>(0)

        func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool {
            validUntil(value, at: key, wallMilliseconds: wallMilliseconds) != nil
        }

        func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64? {
            checks.wrappingAdd(1, ordering: .relaxed)
            let end = value.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            return end > wallMilliseconds ? end : nil
        }

        func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool {
            comparisons.wrappingAdd(1, ordering: .relaxed)
            return left.lexicographicallyPrecedes(right)
        }

        static func value(until end: UInt64, _ text: String = "", bytes: Int = 64) -> [UInt8] {
            let head = (0..<8).map { UInt8(truncatingIfNeeded: end >> (56 - 8 * UInt64($0))) } + Array(text.utf8)
            return head + [UInt8](repeating: 1, count: max(0, bytes - head.count))
        }
    }

    private let rules = DearRules()
    private let name = Array("/dear/x".utf8)
    private let now = Kademlia.Now(monotonic: .seconds(1), wallMilliseconds: 1_800_000_000_000)
    private let contacts: [Kademlia.Contact]

    init() throws {
        contacts = try Population(200, seed: 7).contacts
    }

    private func server(_ change: (inout Kademlia.Configuration) -> Void = { _ in }) -> Kademlia {
        var configuration = Kademlia.Configuration()
        configuration.mode = .server
        change(&configuration)
        return Kademlia(
            local: contacts[0].peer, configuration: configuration, seed: 7, hash: SHA256.hash,
            namespaces: ["dear": rules])
    }

    private func ask(
        _ node: inout Kademlia, _ message: KademliaMessage, from number: Int = 5, at address: Multiaddr? = nil,
        _ time: Kademlia.Now? = nil
    ) -> [Kademlia.Effect] {
        node.handle(
            .request(
                Kademlia.InboundID(1), from: contacts[number].peer, address: address ?? contacts[number].addresses[0],
                message), at: time ?? now)
    }

    private func put(_ name: [UInt8], _ value: [UInt8]) -> KademliaMessage {
        KademliaMessage(kind: .putValue, key: name, record: KademliaMessage.Record(key: name, value: value))
    }

    private var get: KademliaMessage { KademliaMessage(kind: .getValue, key: name) }

    @Test func r14AValueIsCheckedWhenItComesAndNeverAgain() {
        var node = server()
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        #expect(ask(&node, put(name, value)).reply != nil)
        #expect(rules.checks.load(ordering: .relaxed) == 1)
        for number in 1..<100 { #expect(ask(&node, get, from: number).reply?.record?.value == value) }
        #expect(rules.checks.load(ordering: .relaxed) == 1)
        #expect(rules.comparisons.load(ordering: .relaxed) == 0)
        // It is not told any longer than it is valid.
        let late = Kademlia.Now(monotonic: .seconds(12), wallMilliseconds: now.wallMilliseconds + 10_000)
        #expect(ask(&node, get, late).reply?.record == nil)
    }

    @Test func r14TheSameValueIsOnlyCompared() {
        var node = server()
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        for number in 1..<100 { #expect(ask(&node, put(name, value), from: number).reply != nil) }
        #expect(rules.checks.load(ordering: .relaxed) == 1)
        #expect(rules.comparisons.load(ordering: .relaxed) == 0)
        // Once it has run out, it is looked at again, and refused.
        let late = Kademlia.Now(monotonic: .seconds(12), wallMilliseconds: now.wallMilliseconds + 10_000)
        #expect(ask(&node, put(name, value), late).refusal == .invalidValue)
    }

    /// What the node publishes itself is not checked when it is asked for, either.
    @Test func r14OnesOwnValueIsNotCheckedAgain() {
        var node = server()
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        _ = node.handle(.start(Kademlia.OperationID(1), .putValue(name, value: value, for: .seconds(60))), at: now)
        let before = rules.checks.load(ordering: .relaxed)
        for number in 1..<100 { #expect(ask(&node, get, from: number).reply?.record?.value == value) }
        #expect(rules.checks.load(ordering: .relaxed) == before)
    }

    /// Many identities of one network have one allowance, others have theirs, and after a while it may go on.
    @Test func r14ANetworkHasOneAllowanceForAllItsIdentities() throws {
        var node = server()
        var taken = 0
        for round in 0..<400 {
            let name = Array("/dear/\(round)".utf8)
            let value = DearRules.value(until: 1, bytes: 16 << 10)
            let origin = try Multiaddr("/ip4/66.6.6.\(1 + round % 200)/tcp/4001")
            let effects = ask(&node, put(name, value), from: 1 + round % 199, at: origin)
            #expect(effects.refusal == .invalidValue || effects.refusal == .tooOften)
            if effects.refusal == .invalidValue { taken += 1 }
        }
        #expect(taken == rules.checks.load(ordering: .relaxed))
        #expect(taken * (16 << 10) <= node.configuration.limits.checkedBytesPerNetwork)
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        #expect(ask(&node, put(name, value), from: 5).reply != nil)
        let later = Kademlia.Now(monotonic: .seconds(5), wallMilliseconds: now.wallMilliseconds)
        let again = ask(
            &node, put(name, DearRules.value(until: 1, bytes: 9_000)), from: 6,
            at: try Multiaddr("/ip4/66.6.6.9/tcp/4001"), later)
        #expect(again.refusal == .invalidValue)
    }
}
