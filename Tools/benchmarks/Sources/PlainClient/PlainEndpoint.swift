/// Where a node on this machine listens.
package struct PlainEndpoint: Sendable {
    /// The port at 127.0.0.1.
    package let port: UInt16
    /// Whether WebSocket comes before everything else.
    package let isWebSocket: Bool

    /// Reads `/ip4/127.0.0.1/tcp/PORT`, then nothing or `/ws`, then nothing or `/p2p/ID`.
    package init(_ address: String) throws {
        let parts = address.split(separator: "/")
        guard parts.count >= 4, parts[0...2] == ["ip4", "127.0.0.1", "tcp"], let port = UInt16(parts[3]) else {
            throw PlainError("expected /ip4/127.0.0.1/tcp/PORT, found \(address)")
        }
        self.port = port
        self.isWebSocket = parts.dropFirst(4).first == "ws"
    }
}
