import Foundation
import Logging
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import PlainClient

/// A node in a process of its own, which tells its addresses in its first line and ends with its standard input.
final class NodeProcess {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Where it listens, TCP and WebSocket.
    let tcp: PlainEndpoint
    let webSocket: PlainEndpoint?
    private let process = Process()
    private let input = Pipe()

    /// Starts a program and waits for its first line: addresses, separated by spaces.
    init(_ program: URL, _ arguments: [String]) throws {
        let output = Pipe()
        self.process.executableURL = program
        self.process.arguments = arguments
        self.process.standardInput = self.input
        self.process.standardOutput = output
        try self.process.run()
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let some = output.fileHandleForReading.availableData
            guard !some.isEmpty else { throw Failure(description: "\(program.path): ended before it said where it is") }
            line += some
        }
        let endpoints = try String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            .map { try PlainEndpoint(String($0)) }
        guard let tcp = endpoints.first(where: { !$0.isWebSocket }) else {
            throw Failure(description: "\(program.path): expected a TCP address, found \(endpoints)")
        }
        self.tcp = tcp
        self.webSocket = endpoints.first { $0.isWebSocket }
    }

    func stop() throws {
        try self.input.fileHandleForWriting.close()
        self.process.waitUntilExit()
    }

    /// Our own node, by this very program.
    static func ours() throws -> NodeProcess {
        guard let program = Bundle.main.executableURL else { throw Failure(description: "this program has no path") }
        return try NodeProcess(program, ["node"])
    }

    /// What `bench node` does: a node as anybody would run it, with an echo and a sink.
    static func serve() async throws {
        let node = try PeerNode(
            identity: .generateEd25519(), logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        try node.register(BenchHandler())
        let addresses = try await node.listen(on: [
            Multiaddr("/ip4/127.0.0.1/tcp/0"), Multiaddr("/ip4/127.0.0.1/tcp/0/ws"),
        ])
        FileHandle.standardOutput.write(Data((addresses.map(\.description).joined(separator: " ") + "\n").utf8))
        while readLine() != nil {}
        await node.shutdown()
    }
}

/// Echo and sink, on tasks.
private struct BenchHandler: ProtocolHandler {
    let name = "bench"
    let protocolIDs = [TransportPair.echoID, TransportPair.sinkID]

    func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
        do throws(TransportError) {
            try await serveBench(stream)
        } catch {
            stream.stream.reset()
        }
    }
}
