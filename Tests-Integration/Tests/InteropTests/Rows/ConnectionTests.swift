import FlowKit
import PeerNode
import PeerTransport
import Testing

extension Interop {
    /// Connections with py-libp2p: who dials, what is agreed on, how they end.
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
    }
}
