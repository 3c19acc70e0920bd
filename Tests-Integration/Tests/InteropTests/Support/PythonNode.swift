import FlowKit
import Multiformats
import PeerTransport

/// A node of py-libp2p.
struct PythonNode: Sendable {
    /// What the program sends back on streams that are opened for it.
    static let echoProtocol: ProtocolID = "/interop/echo/1.0.0"
    /// A stream that the test moves step by step, on both sides.
    static let manualProtocol: ProtocolID = "/interop/manual/1.0.0"

    let id: PeerID
    /// Where it listens, each with its `/p2p/` end.
    let addresses: [Multiaddr]
    /// The streams that peers open with ``manualProtocol``.
    let inbound: AsyncStream<JSONLine>
    private let name: String
    private let process: PythonProcess

    /// Starts a node in the suite's process.
    ///
    /// - Parameters:
    ///   - key: The kind of its identity: that of a ``Setting``, or `rsa`.
    ///   - listen: Where it listens.
    ///   - dht: How it takes part in a DHT, if it does.
    init(key: String, listen: [String], dht: PythonDHT? = nil) async throws {
        guard let process = PythonProcess.current else { throw InteropError("the suite lacks the trait .python") }
        self.process = process
        name = process.newName()
        inbound = process.inboundStreams(of: name)
        var arguments: [String: any Sendable] = ["node": name, "key": key, "listen": listen]
        if let dht {
            arguments["dht"] =
                ["mode": "server", "protocol": dht.protocolID.name, "namespaces": dht.namespaces]
                as [String: any Sendable]
        }
        let started = try await process.call("start", arguments)
        id = try PeerID(started.text("id"))
        addresses = try started.texts("addresses").map { try Multiaddr($0) }
    }

    /// Has the node do something that concerns nothing but itself.
    ///
    /// - Parameters:
    ///   - what: The name of the call.
    ///   - arguments: What else it needs.
    /// - Returns: The outcome.
    @discardableResult
    func call(_ what: String, _ arguments: [String: any Sendable] = [:]) async throws -> JSONLine {
        try await process.call(what, arguments.merging(["node": name]) { $1 })
    }

    /// Has the node do something that concerns a peer.
    ///
    /// - Parameters:
    ///   - what: The name of the call.
    ///   - peer: The peer.
    ///   - arguments: What else it needs.
    /// - Returns: The outcome.
    @discardableResult
    func call(_ what: String, _ peer: PeerID, _ arguments: [String: any Sendable] = [:]) async throws -> JSONLine {
        try await call(what, arguments.merging(["peer": "\(peer)"]) { $1 })
    }

    /// Opens a stream to a peer.
    func open(_ protocolID: ProtocolID, to peer: PeerID) async throws -> PythonStream {
        let opened = try await call("open", peer, ["protocol": protocolID.name])
        return PythonStream(number: try opened.number("stream"), process: process)
    }

    /// Waits for the next stream that a peer opened with ``manualProtocol``.
    func nextStream() async throws -> PythonStream {
        let line = try await bounded("a stream at py-libp2p") {
            for await line in inbound { return line }
            throw InteropError("the py-libp2p process has ended")
        }
        return PythonStream(number: try line.number("stream"), process: process)
    }
}

/// Which network the nodes of py-libp2p serve: all nodes of the process the one that was named last.
struct PythonDHT: Sendable {
    var protocolID: ProtocolID
    /// The namespaces of values in which anything goes, and of two values the greater is better.
    var namespaces: [String]
}

/// A stream at a node of py-libp2p.
struct PythonStream: Sendable {
    fileprivate let number: Int
    fileprivate let process: PythonProcess

    /// What was read or written, as one can compare it.
    struct Bytes: Equatable, CustomStringConvertible {
        var count: Int
        var sha256: String

        var description: String { "\(count) bytes with hash \(sha256)" }
    }

    /// How a stream stands after a read.
    enum End: String {
        case open
        case closed
        case reset
    }

    /// Writes random bytes; returns when the other side's window has room for all of them.
    func write(_ count: Int) async throws -> Bytes {
        try Self.bytes(await call("write", ["count": count]))
    }

    /// Reads as many bytes, or fewer if the stream ends before.
    func read(_ count: Int) async throws -> (bytes: Bytes, end: End) {
        let line = try await call("read", ["count": count])
        let end = try line.text("end")
        guard let known = End(rawValue: end) else { throw InteropError("a stream that is \(end)") }
        return (try Self.bytes(line), known)
    }

    /// Closes its half.
    func closeWrite() async throws {
        try await call("close_write")
    }

    /// Resets the stream.
    func reset() async throws {
        try await call("reset")
    }

    /// Waits until the node may not send any more.
    func sendWindowIsUsedUp() async throws {
        try await call("exhausted", ["direction": "out"])
    }

    /// Waits until the peer may not send any more.
    ///
    /// - Returns: How many bytes the node holds unread.
    func receiveWindowIsUsedUp() async throws -> Int {
        try await call("exhausted", ["direction": "in"]).number("buffered")
    }

    @discardableResult
    private func call(_ what: String, _ arguments: [String: any Sendable] = [:]) async throws -> JSONLine {
        try await process.call(what, arguments.merging(["stream": number]) { $1 })
    }

    private static func bytes(_ line: JSONLine) throws -> Bytes {
        Bytes(count: try line.number("count"), sha256: try line.text("sha256"))
    }
}
