import FlowKit
import Multiformats
import PeerNode
import PeerTransport
import Testing

extension Interop {
    /// What the two nodes learn of each other.
    @Suite
    struct IdentifyTests {
        private static let standard: Set<ProtocolID> = [
            "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0", PythonNode.echoProtocol,
            PythonNode.manualProtocol,
        ]

        private static func withoutID(_ addresses: [Multiaddr]) -> [String] {
            addresses.map { "\($0.withoutPeerID ?? $0)" }
        }

        @Test(arguments: Setting.all)
        func whatWeLearn(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                let learnt = try await pair.ours.identified(pair.theirs.id, serving: PythonNode.echoProtocol)
                #expect(learnt.protocols == Self.standard)
                #expect(Self.withoutID(learnt.addresses) == Self.withoutID(pair.theirs.addresses))
                #expect(learnt.isCertified)
                #expect(learnt.agentVersion == "py-libp2p/0.8.1")
                #expect(learnt.protocolVersion == "ipfs/0.1.0")
                // py-libp2p does not know where the other end of a WebSocket is.
                if setting.carrier == .tcp {
                    let observed = try #require(learnt.observedAddress)
                    #expect("\(observed)".hasPrefix("/ip4/127.0.0.1/tcp/"))
                }
            }
        }

        @Test(arguments: Setting.all)
        func whatTheyLearn(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                let addresses = pair.ours.node.addresses
                let echo = PythonNode.echoProtocol.name
                let learnt = try await pair.theirs.call("learned", pair.ours.id, ["protocol": echo])
                #expect(try learnt.text("id") == "\(pair.ours.id)")
                #expect(try Set(learnt.texts("protocols").map { ProtocolID($0) }) == Self.standard)
                let known = try learnt.texts("addresses").map { try Multiaddr($0) }
                #expect(Set(Self.withoutID(known)) == Set(Self.withoutID(addresses)))
                #expect(try learnt.text("certified") == "yes")

                let asked = try await pair.theirs.call("identify", pair.ours.id)
                #expect(try asked.text("id") == "\(pair.ours.id)")
                #expect(try Set(asked.texts("protocols").map { ProtocolID($0) }) == Self.standard)
                #expect(try asked.texts("listen") == Self.withoutID(addresses))
                #expect(try asked.text("recordID") == "\(pair.ours.id)")
                #expect(
                    try Self.withoutID(asked.texts("recordAddresses").map { try Multiaddr($0) })
                        == Self.withoutID(addresses))
                #expect(try asked.text("observed").hasPrefix("/ip4/127.0.0.1/tcp/"))
            }
        }

        @Test(arguments: Setting.all)
        func push(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                try await pair.ours.identified(pair.theirs.id, serving: PythonNode.echoProtocol)
                try await pair.theirs.call("push", ["protocol": "/interop/later/1.0.0"])
                let learnt = try await pair.ours.identified(pair.theirs.id, serving: "/interop/later/1.0.0")
                #expect(learnt.protocols.isSuperset(of: Self.standard))

                try await pair.theirs.call("learned", pair.ours.id, ["protocol": PythonNode.echoProtocol.name])
                try pair.ours.node.respond(to: ["/interop/ours/1.0.0"], name: "later") { _ in nil }
                try await pair.theirs.call("learned", pair.ours.id, ["protocol": "/interop/ours/1.0.0"])
            }
        }

        @Test(arguments: Setting.all)
        func ping(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                for _ in 0..<3 {
                    let time = try await pair.ours.node.ping(pair.theirs.id)
                    #expect(time > .zero)
                }
                #expect(try await pair.theirs.call("ping", pair.ours.id, ["count": 3]).number("count") == 3)
            }
        }
    }
}
