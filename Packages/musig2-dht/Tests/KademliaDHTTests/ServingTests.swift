import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// Requests of others and what they are answered.
@Suite("Requests of others")
struct ServingTests {
    private let multihash: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)

    private func server(
        _ known: some Sequence<Int> = 1...40, _ change: (inout Kademlia.Configuration) -> Void = { _ in }
    ) throws -> Harness {
        let node = try Harness(change)
        node.tell(.localAddresses(node.population.contacts[0].addresses))
        node.admit(known)
        return node
    }

    private func ids(_ message: KademliaMessage?) -> [[UInt8]] { message?.closerPeers.map(\.id) ?? [] }

    private func record(_ key: [UInt8], _ value: [UInt8]) -> KademliaMessage {
        KademliaMessage(kind: .putValue, key: key, record: KademliaMessage.Record(key: key, value: value))
    }

    private func announcement(_ node: Harness, _ number: Int, key: [UInt8]? = nil) -> KademliaMessage {
        KademliaMessage(kind: .addProvider, key: key ?? multihash, providerPeers: [node.named(number)])
    }

    private let name = Array("/counter/x".utf8)

    // MARK: FIND_NODE

    @Test func theClosestButNotTheAsker() throws {
        let node = try server()
        for text in ["a", "b", "c"] {
            let key = Array(text.utf8)
            let asker = node.ordered(key, 1...40)[3]
            let reply = try #require(node.ask(KademliaMessage(kind: .findNode, key: key), from: asker).reply)
            #expect(reply.kind == .findNode && reply.key.isEmpty && reply.record == nil && reply.providerPeers.isEmpty)
            let known = (1...40).filter { $0 != asker && node.knows($0) }
            #expect(ids(reply) == node.ordered(key, known).prefix(20).map { node.peer($0).bytes })
            #expect(reply.closerPeers.allSatisfy { !$0.addresses.isEmpty && $0.connection == 1 })
        }
    }

    /// go asks so before it lets a server into its table: an empty table is no reason not to answer.
    @Test func anEmptyAnswerAtOnce() throws {
        let node = try server([])
        let reply = node.ask(KademliaMessage(kind: .findNode, key: node.peer(5).bytes), from: 5).reply
        #expect(reply == KademliaMessage(kind: .findNode))
    }

    @Test func theOneThatIsLookedForComesFirstEvenIfItIsAClient() throws {
        let node = try server()
        let contact = node.population.contacts[60]
        node.tell(
            .identified(
                contact.peer, addresses: contact.addresses, isServer: false, remote: contact.addresses.first))
        let client = node.ask(KademliaMessage(kind: .findNode, key: node.peer(60).bytes), from: 50).reply
        #expect(client?.closerPeers.first?.id == node.peer(60).bytes)
        #expect(client?.closerPeers.first?.addresses == node.named(60).addresses)
        #expect(client?.closerPeers.count == 21)
        // A server is told once.
        let server = node.ask(KademliaMessage(kind: .findNode, key: node.peer(7).bytes), from: 50).reply
        #expect(ids(server).first == node.peer(7).bytes && Set(ids(server)).count == 21)
        // A peer that asks for itself is not told of itself.
        let own = node.ask(KademliaMessage(kind: .findNode, key: node.peer(7).bytes), from: 7).reply
        #expect(!ids(own).contains(node.peer(7).bytes))
        node.tell(.disconnected(node.peer(60)))
        #expect(
            !ids(node.ask(KademliaMessage(kind: .findNode, key: node.peer(60).bytes), from: 50).reply).contains(
                node.peer(60).bytes))
    }

    @Test func whoAsksForThisNodeIsToldItsAddresses() throws {
        let node = try server([1, 2])
        let reply = node.ask(KademliaMessage(kind: .findNode, key: node.peer(0).bytes), from: 5).reply
        #expect(reply?.closerPeers.first?.id == node.peer(0).bytes)
        #expect(reply?.closerPeers.first?.addresses == node.named(0).addresses)
    }

    @Test func keysHaveLimits() throws {
        let node = try server()
        for kind in KademliaMessage.Kind.allCases where kind != .ping && kind != .putValue {
            #expect(node.ask(KademliaMessage(kind: kind), from: 5).refusal == .invalidKey, "\(kind)")
            let long = KademliaMessage(kind: kind, key: [UInt8](repeating: 1, count: 257))
            #expect(node.ask(long, from: 5).refusal == .invalidKey, "\(kind)")
        }
        #expect(
            node.ask(KademliaMessage(kind: .findNode, key: [UInt8](repeating: 1, count: 256)), from: 5).reply != nil)
        for kind in [KademliaMessage.Kind.getProviders, .addProvider] {
            let long = KademliaMessage(
                kind: kind, key: [UInt8](repeating: 1, count: 81), providerPeers: [node.named(5)])
            #expect(node.ask(long, from: 5).refusal == .invalidKey)
        }
        let fits = [UInt8](repeating: 1, count: 80)
        #expect(node.ask(announcement(node, 5, key: fits), from: 5).hasNoReply)
        #expect(node.ask(KademliaMessage(kind: .getProviders, key: fits), from: 6).reply?.providerPeers.count == 1)
    }

    @Test(arguments: KademliaMessage.Kind.allCases)
    func aClientAnswersNothing(kind: KademliaMessage.Kind) throws {
        let node = try Harness(mode: .client)
        #expect(node.ask(KademliaMessage(kind: kind, key: [1]), from: 5).refusal == .notServing)
    }

    @Test func modeChanges() throws {
        let node = try server([1])
        #expect(node.ask(announcement(node, 5), from: 5).hasNoReply)
        #expect(node.ask(record(name, CounterRules.value(1, "a")), from: 5).reply != nil)
        #expect(node.tell(.setMode(.client)).statuses.map(\.mode) == [.client])
        #expect(node.ask(KademliaMessage(kind: .findNode, key: [1]), from: 5).refusal == .notServing)
        #expect(node.tell(.setMode(.server)).statuses.map(\.mode) == [.server])
        #expect(node.tell(.setMode(.server)).isEmpty)
        // What it held for others is gone.
        #expect(node.ask(KademliaMessage(kind: .getProviders, key: multihash), from: 6).reply?.providerPeers == [])
        #expect(node.ask(KademliaMessage(kind: .getValue, key: name), from: 6).reply?.record == nil)
    }

    @Test func pingIsAnEcho() throws {
        let node = try server([])
        let ping = KademliaMessage(kind: .ping, key: [9, 9])
        #expect(node.ask(ping, from: 5).reply == ping)
    }

    // MARK: Providers

    @Test func aProviderIsStoredAndToldWithCloserPeers() throws {
        let node = try server()
        let effects = node.ask(announcement(node, 50), from: 50)
        #expect(effects.hasNoReply && effects.reply == nil && effects.refusal == nil)
        node.tell(.identified(node.peer(50), addresses: node.population.contacts[50].addresses, isServer: false))
        let reply = try #require(node.ask(KademliaMessage(kind: .getProviders, key: multihash), from: 51).reply)
        #expect(reply.kind == .getProviders && reply.key == multihash)
        var told = node.named(50)
        told.connection = 1
        #expect(reply.providerPeers == [told])
        #expect(
            ids(reply)
                == node.ordered(multihash, (1...40).filter { node.knows($0) }).prefix(20).map { node.peer($0).bytes })
    }

    /// S17: one cannot announce another.
    @Test func onlyTheSenderItself() throws {
        let node = try server()
        #expect(node.ask(announcement(node, 51), from: 50).refusal == .notTheProvider)
        #expect(node.ask(KademliaMessage(kind: .addProvider, key: multihash), from: 50).refusal == .notTheProvider)
        let both = KademliaMessage(kind: .addProvider, key: multihash, providerPeers: [node.named(51), node.named(50)])
        #expect(node.ask(both, from: 50).hasNoReply)
        let told = node.ask(KademliaMessage(kind: .getProviders, key: multihash), from: 52).reply?.providerPeers
        #expect(told?.map(\.id) == [node.peer(50).bytes])
    }

    @Test func aProviderNeedsAnAddressThatTheNetworkUses() throws {
        let node = try server([]) { $0.addressPolicy = .publicOnly }
        let hidden = try Multiaddr("/ip4/10.0.0.1/tcp/4001").bytes
        for addresses in [[], [hidden], [[1, 2, 3]], [[UInt8](repeating: 4, count: 5_000)]] {
            let message = KademliaMessage(
                kind: .addProvider, key: multihash,
                providerPeers: [KademliaMessage.Peer(id: node.peer(50).bytes, addresses: addresses)])
            #expect(node.ask(message, from: 50).refusal == .noAddresses)
        }
        let open = try Multiaddr("/ip4/9.9.9.9/tcp/4001").bytes
        let mixed = KademliaMessage(
            kind: .addProvider, key: multihash,
            providerPeers: [KademliaMessage.Peer(id: node.peer(50).bytes, addresses: [hidden, open, [1, 2, 3]])])
        #expect(node.ask(mixed, from: 50).hasNoReply)
        let told = node.ask(KademliaMessage(kind: .getProviders, key: multihash), from: 52).reply?.providerPeers
        #expect(told?.map(\.addresses) == [[open]])
    }

    @Test func addressesAreForgottenBeforeTheRecord() throws {
        let node = try server([])
        node.ask(announcement(node, 50), from: 50)
        func told() -> KademliaMessage? {
            node.ask(KademliaMessage(kind: .getProviders, key: multihash), from: 52).reply
        }
        node.move(to: .seconds(24 * 3_600))
        #expect(told()?.providerPeers.map(\.addresses) == [node.named(50).addresses])
        node.move(to: .seconds(24 * 3_600 + 2))
        #expect(told()?.providerPeers.map(\.addresses) == [[]])
        // Where the node knows better, it tells so.
        node.tell(.identified(node.peer(50), addresses: [try Multiaddr("/ip4/9.9.9.9/tcp/9")], isServer: false))
        #expect(told()?.providerPeers.map(\.addresses) == [[try Multiaddr("/ip4/9.9.9.9/tcp/9").bytes]])
        node.move(to: .seconds(48 * 3_600 + 2))
        #expect(told()?.providerPeers == [])
    }

    @Test func expiredRecordsAreRemovedHourly() throws {
        let node = try server([])
        node.ask(announcement(node, 50), from: 50)
        node.ask(record(name, CounterRules.value(1, "a")), from: 50)
        _ = node.wait(.seconds(47 * 3_600))
        #expect(node.machine.server.providers.count == 1 && node.machine.server.values.count == 1)
        _ = node.wait(.seconds(2 * 3_600))
        #expect(node.machine.server.providers.count == 0 && node.machine.server.values.count == 0)
    }

    @Test func ofManyProvidersSomeAreTold() throws {
        let node = try server([]) { $0.limits.providersPerAnswer = 10 }
        for number in 1...60 { #expect(node.ask(announcement(node, number), from: number).hasNoReply) }
        var seen: Set<[UInt8]> = []
        for _ in 0..<100 {
            let told =
                node.ask(KademliaMessage(kind: .getProviders, key: multihash), from: 99).reply?.providerPeers ?? []
            #expect(told.count == 10 && Set(told.map(\.id)).count == 10)
            seen.formUnion(told.map(\.id))
        }
        #expect(seen.count == 60, "each gets its turn")
    }

    @Test func aFullStoreSaysSo() throws {
        let node = try server([]) { $0.limits.providerRecordsPerSource = 2 }
        for key in 1...2 { #expect(node.ask(announcement(node, 50, key: [UInt8(key)]), from: 50).hasNoReply) }
        #expect(node.ask(announcement(node, 50, key: [3]), from: 50).refusal == .storeFull)
        // Others in the same /24 share its room, and the peer with most of it gives way.
        let neighbor = try Multiaddr("/ip4/80.0.50.99/tcp/9")
        #expect(node.ask(announcement(node, 51, key: [3]), from: 51, at: neighbor).hasNoReply)
        #expect(node.ask(announcement(node, 51, key: [4]), from: 51, at: neighbor).refusal == .storeFull)
        #expect(node.ask(announcement(node, 51, key: [4]), from: 51).hasNoReply)
    }

    // MARK: Values

    @Test func aValueIsStoredEchoedAndToldWithItsTime() throws {
        let node = try server()
        let value = CounterRules.value(1, "a")
        var put = record(name, value)
        put.record?.timeReceived = "2001-01-01T00:00:00Z"
        let echo = try #require(node.ask(put, from: 50).reply)
        #expect(echo == record(name, value))
        let stored = Timestamp.text(node.now.wallMilliseconds)
        node.move(to: .seconds(3_600))
        let reply = try #require(node.ask(KademliaMessage(kind: .getValue, key: name), from: 51).reply)
        #expect(reply.key == name && reply.record?.key == name && reply.record?.value == value)
        #expect(reply.record?.timeReceived == stored, "the time of receipt, not what the sender claimed")
        #expect(reply.closerPeers.count == 20)
        node.move(to: .seconds(49 * 3_600))
        #expect(node.ask(KademliaMessage(kind: .getValue, key: name), from: 51).reply?.record == nil)
    }

    @Test func whatIsWrongWithAValueIsSaid() throws {
        let node = try server([])
        let value = CounterRules.value(5, "good")
        #expect(node.ask(KademliaMessage(kind: .putValue, key: name), from: 50).refusal == .missingRecord)
        var other = record(name, value)
        other.key = Array("/counter/y".utf8)
        #expect(node.ask(other, from: 50).refusal == .keyMismatch)
        for key in ["", "/", "counter/x", "/counter", "/counter/", "//x", "x"] {
            #expect(node.ask(record(Array(key.utf8), value), from: 50).refusal == .invalidKey, "\(key)")
        }
        #expect(node.ask(record([0x2f, 0xff, 0xfe, 0x2f, 1], value), from: 50).refusal == .invalidKey)
        let long = Array("/counter/".utf8) + [UInt8](repeating: 1, count: 120)
        #expect(node.ask(record(long, value), from: 50).refusal == .invalidKey)
        #expect(node.ask(record(Array("/other/x".utf8), value), from: 50).refusal == .unknownNamespace)
        #expect(node.ask(record(name, CounterRules.value(5, "bad")), from: 50).refusal == .invalidValue)
        let huge = [5] + [UInt8](repeating: 7, count: 60 << 10)
        #expect(node.ask(record(name, huge), from: 50).refusal == .valueTooLong)
        #expect(node.ask(record(name, value), from: 50).reply != nil)
        #expect(node.ask(record(name, CounterRules.value(4, "older")), from: 50).refusal == .olderValue)
        #expect(node.ask(record(name, CounterRules.value(6, "newer")), from: 51).reply != nil)
        #expect(
            node.ask(KademliaMessage(kind: .getValue, key: name), from: 51).reply?.record?.value
                == CounterRules.value(6, "newer"))
    }

    @Test func aValueThatIsNoLongerValidIsNotTold() throws {
        let node = try Harness()
        let key = Array("/soon/x".utf8)
        let expiring = Kademlia(
            local: node.peer(0), configuration: node.machine.configuration, seed: 1, hash: node.population.hash,
            namespaces: ["soon": ExpiringRules(until: node.now.wallMilliseconds + 1_000)])
        node.machine = expiring
        node.namespaces = ["soon": ExpiringRules(until: node.now.wallMilliseconds + 1_000)]
        #expect(node.ask(record(key, [1]), from: 50).reply != nil)
        #expect(node.ask(KademliaMessage(kind: .getValue, key: key), from: 51).reply?.record?.value == [1])
        node.move(to: .seconds(5))
        let reply = try #require(node.ask(KademliaMessage(kind: .getValue, key: key), from: 51).reply)
        #expect(reply.record == nil)
    }

    private struct ExpiringRules: RecordRules {
        let until: UInt64
        func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool { wallMilliseconds < until }
        func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64? { until }
        func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool { false }
    }

    /// The key of go and py: the value is the peer's public key, and no other.
    @Test func publicKeys() throws {
        let node = try server([])
        // shared/vectors: put_pk, as go sends it.
        let put = try KademliaMessage(decoding: Self.putPublicKey)
        let echo = try #require(node.ask(put, from: 50).reply)
        #expect(echo.encoded() == Self.putPublicKey)
        #expect(
            node.ask(KademliaMessage(kind: .getValue, key: put.key), from: 51).reply?.record?.value == put.record?.value
        )
        var forged = put
        forged.record?.value[10] ^= 1
        #expect(node.ask(forged, from: 50).refusal == .invalidValue)
        forged.record?.value = []
        #expect(node.ask(forged, from: 50).refusal == .invalidValue)
        let rules = PublicKeyRules(hash: SHA256.hash)
        #expect(!rules.isBetter([1], than: [2], at: put.key))
        #expect(!rules.isValid(put.record?.value ?? [], at: Array(put.key.dropLast()), wallMilliseconds: 0))
        #expect(
            !rules.isValid(put.record?.value ?? [], at: Array("/xy/".utf8) + put.key.dropFirst(4), wallMilliseconds: 0))
    }

    private static let putPublicKey: [UInt8] = {
        let id = "002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606"
        let key = "2f706b2f" + id
        let text = "0800122a" + key + "1a520a2a" + key + "1224" + id.dropFirst(4)
        let digits = Array(text.utf8).map { $0 < 58 ? $0 - 48 : $0 - 87 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }()

    /// Whatever is stored, an answer is a message that others take: at most 64 KiB.
    @Test func answersFitIntoAMessage() throws {
        let node = try Harness()
        let label = String(repeating: "a", count: 100)
        let long = try (1...8).map { try Multiaddr("/dns4/\(label)\($0).org/tcp/4001") }
        for number in 1...60 {
            let addresses = try long.map { try Multiaddr($0.components + [.tcp(UInt16(4_000 + number))]) }
            node.run(node.tell(.identified(node.peer(number), addresses: addresses, isServer: true))) { _ in
                KademliaMessage(kind: .findNode)
            }
            let announced = KademliaMessage(
                kind: .addProvider, key: multihash,
                providerPeers: [KademliaMessage.Peer(id: node.peer(number).bytes, addresses: addresses.map(\.bytes))])
            #expect(node.ask(announced, from: number).hasNoReply)
        }
        let longKey = Array("/counter/".utf8) + [UInt8](repeating: 1, count: 119)
        let value = [1] + [UInt8](repeating: 7, count: 60 << 10 - 1).prefix((60 << 10) - 1)
        let put = record(longKey, value)
        #expect(node.ask(put, from: 90).reply?.encoded().count ?? .max <= 64 << 10)
        for message in [
            KademliaMessage(kind: .getValue, key: longKey), KademliaMessage(kind: .getProviders, key: multihash),
            KademliaMessage(kind: .findNode, key: node.peer(9).bytes),
        ] {
            let reply = try #require(node.ask(message, from: 91).reply)
            #expect(reply.encoded().count <= 64 << 10)
            #expect(try KademliaMessage(decoding: reply.encoded()) == reply)
        }
        let stored = try #require(node.ask(KademliaMessage(kind: .getValue, key: longKey), from: 91).reply)
        #expect(stored.record?.value == value && !stored.closerPeers.isEmpty)
    }
}
