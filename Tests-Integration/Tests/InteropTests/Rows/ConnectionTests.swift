import FlowKit
import Multiformats
import PeerNode
import PeerTransport
import Testing

extension Interop {
    /// Connections with py-libp2p: which side dials, what is agreed on, how they end.
    @Suite
    struct ConnectionTests {
        @Test(arguments: Setting.all)
        func connects(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                let connection = try await pair.theirs.call("connected", pair.ours.id)
                #expect(try connection.text("direction") == (setting.direction == .weDial ? "inbound" : "outbound"))
                #expect(try connection.text("security") == "/noise")
                #expect(try connection.text("muxer") == "/yamux/1.0.0")
                #expect(pair.ours.node.connectedPeers == [pair.theirs.id])
            }
        }

        @Test(arguments: Setting.all)
        func disconnects(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                await pair.ours.node.disconnect(pair.theirs.id)
                try await pair.theirs.call("disconnected", pair.ours.id)
            }
            try await Pair.connected(setting) { pair in
                try await pair.theirs.call("disconnect", pair.ours.id)
                try await pair.ours.disconnected(from: pair.theirs.id)
            }
        }

        /// Our nodes have no such identity, and believe others that have one, as stock nodes of IPFS do.
        ///
        /// In its signed record py-libp2p leaves out the type of an RSA key, so that the record counts for nothing; what it
        /// says outside of it does.
        @Test(arguments: Setting.all.filter { $0.key == .ed25519 })
        func rsaPeers(_ setting: Setting) async throws {
            try await Pair.connected(setting, theirKey: "rsa") { pair in
                #expect("\(pair.theirs.id)".hasPrefix("Qm"))
                #expect(pair.ours.node.connectedPeers == [pair.theirs.id])
                let learnt = try await pair.ours.identified(pair.theirs.id, serving: PythonNode.echoProtocol)
                #expect(learnt.addresses == pair.theirs.addresses.compactMap(\.withoutPeerID))
                #expect(!learnt.isCertified)
                let stream = try await pair.ours.open(PythonNode.echoProtocol, to: pair.theirs.id)
                try await stream.write([1, 2, 3])
                try await stream.closeWrite()
                #expect(try await stream.readToEnd() == [1, 2, 3])
            }
        }
    }
}
