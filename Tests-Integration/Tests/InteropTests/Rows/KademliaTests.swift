import FlowKit
import Multiformats
import PeerNode
import PeerTransport
import Testing

extension Interop {
    /// The DHT, with nodes of both kinds that ask, answer and store for each other.
    @Suite
    struct KademliaTests {
        private static let lifetime = Duration.seconds(3_600)

        /// A key like those of sessions: the multihash of something.
        private static func key() -> [UInt8] { [0x12, 0x20] + randomBytes(32) }

        private static func name() -> String { "/\(KademliaPair.namespace)/\(Hex.encode(randomBytes(16)))" }

        private static func withoutID(_ addresses: [Multiaddr]) -> Set<String> {
            Set(addresses.map { "\($0.withoutPeerID ?? $0)" })
        }

        private static func withoutID(_ addresses: [String]) throws -> Set<String> {
            withoutID(try addresses.map { try Multiaddr($0) })
        }

        @Test(arguments: Setting.all)
        func findNode(_ setting: Setting) async throws {
            try await KademliaPair.connected(setting) { both in
                // Their node tells us of one that only it knows.
                try await both.further(at: both.theirs.addresses, setting) { far in
                    try await far.call("kad_closest", ["key": Hex.encode(far.id.bytes)])
                    try await both.theirs.call("kad_knows", far.id)
                    let found = try await both.dht.addresses(of: far.id)
                    #expect(Self.withoutID(found) == Self.withoutID(far.addresses))
                }
            }
            try await KademliaPair.connected(setting) { both in
                // Our node tells them of one that only it knows.
                try await both.furtherOfOurs(setting) { far in
                    try await both.ours.knowsInDHT(2)
                    let asked = try await both.theirs.call(
                        "kad_ask_nodes", both.ours.id, ["key": Hex.encode(far.id.bytes)])
                    #expect(try asked.texts("peers").contains("\(far.id)"))
                    let found = try await both.theirs.call("kad_find_peer", far.id)
                    #expect(try Self.withoutID(found.texts("addresses")) == Self.withoutID(far.node.addresses))
                }
            }
        }

        /// Under a name of the network's own, and under the one that py-libp2p has built in.
        @Test(arguments: [KademliaPair.ownPrefix, NodeDHT.Configuration.publicPrefix], Setting.all)
        func addProvider(in prefix: String, _ setting: Setting) async throws {
            try await KademliaPair.connected(setting, prefix: prefix) { both in
                let ours = Self.key()
                try await both.dht.publish(ours, for: Self.lifetime)
                let held = try await both.theirs.call("kad_held_providers", ["key": Hex.encode(ours)])
                #expect(try held.texts("peers") == ["\(both.ours.id)"])
                #expect(try Self.withoutID(held.texts("addresses")) == Self.withoutID(both.ours.node.addresses))

                let theirs = Self.key()
                let provided = try await both.theirs.call("kad_provide", ["key": Hex.encode(theirs)])
                #expect(try provided.text("taken") == "yes")
                let found = try await both.dht.lookup(theirs, limit: 20)
                #expect(found.map(\.peer) == [both.theirs.id])
                #expect(Self.withoutID(found.flatMap(\.addresses)) == Self.withoutID(both.theirs.addresses))
            }
        }

        @Test(arguments: Setting.all)
        func getProviders(_ setting: Setting) async throws {
            let ours = Self.key()
            let theirs = Self.key()
            // Their node has nobody to tell: ours has to ask.
            let provideAlone: @Sendable (PythonNode) async throws -> Void = { node in
                let provided = try await node.call("kad_provide", ["key": Hex.encode(theirs)])
                #expect(try provided.text("taken") == "no")
            }
            try await KademliaPair.connected(setting, prepare: provideAlone) { both in
                let found = try await both.dht.lookup(theirs, limit: 20)
                #expect(found.map(\.peer) == [both.theirs.id])
                #expect(Self.withoutID(found.flatMap(\.addresses)) == Self.withoutID(both.theirs.addresses))

                try await both.dht.publish(ours, for: Self.lifetime)
                let asked = try await both.theirs.call(
                    "kad_ask_providers", both.ours.id, ["key": Hex.encode(ours)])
                #expect(try asked.texts("peers") == ["\(both.ours.id)"])
                #expect(try Self.withoutID(asked.texts("addresses")) == Self.withoutID(both.ours.node.addresses))
                // A node that knows ours alone finds the way.
                try await both.further(at: both.ours.node.addresses, setting) { far in
                    let found = try await far.call("kad_providers", ["key": Hex.encode(theirs)])
                    #expect(try Set(found.texts("peers")) == ["\(both.theirs.id)"])
                }
            }
        }

        @Test(arguments: Setting.all)
        func putValue(_ setting: Setting) async throws {
            try await KademliaPair.connected(setting) { both in
                let ours = Self.name()
                for value in [[1], [2, 2]] as [[UInt8]] {
                    try await both.dht.publish(value, at: Array(ours.utf8), for: Self.lifetime)
                    let held = try await both.theirs.call("kad_held", ["key": ours])
                    #expect(try held.text("value") == Hex.encode(value))
                }

                let theirs = Self.name()
                for value in [[1], [2, 2]] as [[UInt8]] {
                    try await both.theirs.call("kad_put", ["key": theirs, "value": Hex.encode(value)])
                    let asked = try await both.theirs.call("kad_ask_value", both.ours.id, ["key": theirs])
                    #expect(try asked.text("value") == Hex.encode(value))
                    #expect(try await both.dht.value(at: Array(theirs.utf8))?.value == value)
                }
            }
        }

        @Test(arguments: Setting.all)
        func getValue(_ setting: Setting) async throws {
            let name = Self.name()
            let value = randomBytes(10_000)
            // Their node has nobody to tell: ours has to ask.
            let putAlone: @Sendable (PythonNode) async throws -> Void = { node in
                try await node.call("kad_put", ["key": name, "value": Hex.encode(value)])
            }
            try await KademliaPair.connected(setting, prepare: putAlone) { both in
                #expect(try await both.dht.value(at: Array(name.utf8))?.value == value)
                #expect(try await both.dht.value(at: Array(Self.name().utf8)) == nil)

                let ours = Self.name()
                try await both.dht.publish([1, 2, 3], at: Array(ours.utf8), for: Self.lifetime)
                // A node that knows ours alone.
                try await both.further(at: both.ours.node.addresses, setting) { far in
                    let found = try await far.call("kad_get", ["key": ours])
                    #expect(try found.text("value") == "010203")
                    #expect(try await far.call("kad_get", ["key": Self.name()]).text("value") == "none")
                }
            }
        }
    }
}
