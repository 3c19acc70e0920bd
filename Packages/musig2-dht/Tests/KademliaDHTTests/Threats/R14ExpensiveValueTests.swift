import KademliaSimulation
import Multiformats
import Synchronization
import Testing
import WireCodec

@testable import KademliaDHT

/// R14: values that cost much to check, asked for and put again and again.
@Suite("R14: values that cost much to check")
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
        let effects = node.handle(
            .request(
                Kademlia.InboundID(1), from: contacts[number].peer, address: address ?? contacts[number].addresses[0],
                message), at: time ?? now)
        return effects + node.carryOutChecks(effects, by: ["dear": rules], at: time ?? now)
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

    /// A call of the machine, which others wait for, looks at no value, wherever it comes from.
    @Test func r14NothingIsCheckedInATurn() {
        var node = server()
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        let put = Kademlia.Input.request(
            Kademlia.InboundID(1), from: contacts[5].peer, address: contacts[5].addresses[0], put(name, value))
        _ = node.handle(put, at: now)
        #expect(rules.checks.load(ordering: .relaxed) == 0)
        var effects = node.handle(
            .start(Kademlia.OperationID(1), .putValue(name, value: value, for: .seconds(60))), at: now)
        effects += node.handle(
            .start(Kademlia.OperationID(2), .putValue(name, value: value + [1], for: .seconds(60))), at: now)
        #expect(effects.checks.count == 2)
        #expect(rules.checks.load(ordering: .relaxed) == 0)
        #expect(rules.comparisons.load(ordering: .relaxed) == 0)
    }

    /// What the node publishes itself is not checked when it is asked for, either.
    @Test func r14OnesOwnValueIsNotCheckedAgain() {
        var node = server()
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        let effects = node.handle(
            .start(Kademlia.OperationID(1), .putValue(name, value: value, for: .seconds(60))), at: now)
        _ = node.carryOutChecks(effects, by: ["dear": rules], at: now)
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
        let work = rules.work(of: DearRules.value(until: 1, bytes: 16 << 10), at: name)
        #expect(work * taken <= node.configuration.limits.checkWorkPerNetwork)
        #expect(work * (taken + 1) > node.configuration.limits.checkWorkPerNetwork)
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        #expect(ask(&node, put(name, value), from: 5).reply != nil)
        let later = Kademlia.Now(monotonic: .seconds(5), wallMilliseconds: now.wallMilliseconds)
        let again = ask(
            &node, put(name, DearRules.value(until: 1, bytes: 9_000)), from: 6,
            at: try Multiaddr("/ip4/66.6.6.9/tcp/4001"), later)
        #expect(again.refusal == .invalidValue)
    }

    private func request(_ id: UInt64, _ value: [UInt8], from number: Int, at address: Multiaddr? = nil)
        -> Kademlia.Input
    {
        .request(
            Kademlia.InboundID(id), from: contacts[number].peer, address: address ?? contacts[number].addresses[0],
            put(name, value))
    }

    /// Few values are looked at at once, of one network fewer; above that a request is refused, and afterwards it may come again.
    @Test func r14FewValuesAreLookedAtAtOnce() throws {
        var node = server { limits in
            limits.limits.checks = 3
            limits.limits.checksPerNetwork = 2
        }
        let near = try Multiaddr("/ip4/66.6.6.6/tcp/4001")
        func value(_ text: String) -> [UInt8] { DearRules.value(until: now.wallMilliseconds + 10_000, text) }
        var checks: [Kademlia.Check] = []
        for (id, (text, address)) in [("a", near), ("b", near), ("c", near), ("d", nil), ("e", nil)].enumerated() {
            let effects = node.handle(request(UInt64(id), value(text), from: id + 1, at: address), at: now)
            checks += effects.checks
            #expect((effects.refusal == .tooOften) == (text == "c" || text == "e"), "\(text)")
        }
        #expect(checks.map(\.value) == [value("a"), value("b"), value("d")])
        _ = node.handle(.checked(checks[0].id, .invalid), at: now)
        #expect(node.handle(request(9, value("c"), from: 9, at: near), at: now).checks.count == 1)
        // What nobody asked for, and what was told already, means nothing.
        #expect(node.handle(.checked(checks[0].id, .valid(until: .max, .better)), at: now).isEmpty)
    }

    /// A peer that brings a value that is being looked at waits for that look; so many may.
    @Test func r14AValueIsLookedAtOnceForAll() {
        var node = server()
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        var effects: [Kademlia.Effect] = []
        for id in 0..<20 { effects += node.handle(request(UInt64(id), value, from: id + 1), at: now) }
        #expect(effects.checks.count == 1)
        #expect(effects.count { $0 == .refuse(Kademlia.InboundID(19), .tooOften) } == 1)
        let answers = node.carryOutChecks(effects, by: ["dear": rules], at: now)
        #expect(
            answers.count { if case .reply = $0 { true } else { false } } == node.configuration.limits.askersPerCheck)
        #expect(rules.checks.load(ordering: .relaxed) == 1)
    }

    /// What was stored while a value was looked at is compared with it, beside the machine as well.
    @Test func r14WhatChangedMeanwhileIsCompared() {
        var node = server()
        let (one, other) = (
            DearRules.value(until: now.wallMilliseconds + 10_000, "a"),
            DearRules.value(until: now.wallMilliseconds + 10_000, "b")
        )
        let first = node.handle(request(1, one, from: 1), at: now)
        let second = node.handle(request(2, other, from: 2), at: now)
        #expect(node.carryOutChecks(first, by: ["dear": rules], at: now).reply != nil)
        #expect(rules.comparisons.load(ordering: .relaxed) == 0)
        let answers = node.carryOutChecks(second, by: ["dear": rules], at: now)
        #expect(answers.refusal == .olderValue)
        #expect(rules.comparisons.load(ordering: .relaxed) == 2)
        #expect(rules.checks.load(ordering: .relaxed) == 2)
    }

    /// A lookup ends when what servers returned was looked at, each value once however many return it.
    @Test func r14WhatServersReturnIsLookedAtBesideTheMachine() {
        var node = server()
        let (good, bad) = (DearRules.value(until: now.wallMilliseconds + 10_000), DearRules.value(until: 1))
        for contact in contacts[1...8] {
            let effects = node.handle(.identified(contact.peer, addresses: contact.addresses, isServer: true), at: now)
            for request in effects.requests {
                let answer = KademliaMessage(kind: .findNode)
                _ = node.handle(.response(request.id, answer, remote: request.addresses.first), at: now)
            }
        }
        var effects = node.handle(.start(Kademlia.OperationID(1), .getValue(name, quorum: 0)), at: now)
        for (index, request) in effects.requests.enumerated() {
            let record = KademliaMessage.Record(key: name, value: index == 5 ? good : bad)
            effects += node.handle(
                .response(
                    request.id, KademliaMessage(kind: .getValue, key: name, record: record),
                    remote: request.addresses.first), at: now)
        }
        #expect(rules.checks.load(ordering: .relaxed) == 0)
        #expect(effects.outcome == nil)
        #expect(
            node.carryOutChecks(effects, by: ["dear": rules], at: now).outcome == .value(.init(bytes: good, age: nil)))
        #expect(rules.checks.load(ordering: .relaxed) == 2)
    }

    /// What is withdrawn, or given up, while it is looked at is not published.
    @Test func r14WhatIsWithdrawnMeanwhileIsNotPublished() {
        var node = server()
        let value = DearRules.value(until: now.wallMilliseconds + 10_000)
        let put = Kademlia.Operation.putValue(name, value: value, for: .seconds(60))
        var effects = node.handle(.start(Kademlia.OperationID(1), put), at: now)
        let stopped = node.handle(.start(Kademlia.OperationID(2), .stopPutting(name)), at: now)
        #expect(stopped.outcomes == [.failed(.invalidValue), .stopped])
        #expect(node.carryOutChecks(effects, by: ["dear": rules], at: now).isEmpty)
        effects = node.handle(.start(Kademlia.OperationID(3), put), at: now)
        _ = node.handle(.cancel(Kademlia.OperationID(3)), at: now)
        #expect(node.carryOutChecks(effects, by: ["dear": rules], at: now).isEmpty)
        #expect(ask(&node, get).reply?.record == nil)
    }
}
