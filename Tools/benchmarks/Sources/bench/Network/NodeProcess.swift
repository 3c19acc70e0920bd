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

    private struct Listening: Decodable {
        var addresses: [String]
    }

    /// Where it listens, with the peer id at the end.
    let addresses: [String]
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// Starts a program and waits for its first line: addresses, separated by spaces, or a JSON object that has them as `addresses`.
    init(_ program: URL, _ arguments: [String]) throws {
        self.process.executableURL = program
        self.process.arguments = arguments
        self.process.standardInput = self.input
        self.process.standardOutput = self.output
        try self.process.run()
        let line = try Self.readLine(self.output)
        self.addresses =
            line.hasPrefix("{")
            ? try JSONDecoder().decode(Listening.self, from: Data(line.utf8)).addresses
            : line.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static func readLine(_ output: Pipe) throws -> String {
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let some = output.fileHandleForReading.availableData
            guard !some.isEmpty else { throw Failure(description: "a node ended without its answer") }
            line += some
        }
        // More may have been said meanwhile.
        return String(decoding: line.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// Where a plain client reaches it over TCP, or over WebSocket.
    func endpoint(isWebSocket: Bool = false) throws -> PlainEndpoint {
        try PlainEndpoint(try self.address(isWebSocket: isWebSocket))
    }

    private func address(isWebSocket: Bool) throws -> String {
        guard let found = self.addresses.first(where: { $0.contains("/ws") == isWebSocket }) else {
            throw Failure(
                description: "expected an address for \(isWebSocket ? "WebSocket" : "TCP"): \(self.addresses)")
        }
        return found
    }

    /// Lets this node send so many bytes to another one's sink.
    ///
    /// - Returns: 10^6 bytes a second.
    func pour(_ count: Int, into other: NodeProcess, isWebSocket: Bool) throws -> Double {
        let command = "pour \(try other.address(isWebSocket: isWebSocket)) \(count)\n"
        try self.input.fileHandleForWriting.write(contentsOf: Data(command.utf8))
        let answer = try Self.readLine(self.output)
        guard let seconds = Double(answer.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Failure(description: "expected seconds, found \(answer)")
        }
        return Double(count) / 1_000_000 / seconds
    }

    func stop() throws {
        try self.input.fileHandleForWriting.close()
        self.process.waitUntilExit()
    }

    /// Asks it to end as a person would, and looks that it was still there and ended well.
    func end() throws {
        guard self.process.isRunning else { throw Failure(description: "a node ended before it was asked to") }
        self.process.terminate()
        self.process.waitUntilExit()
        guard self.process.terminationReason == .exit, self.process.terminationStatus == 0 else {
            throw Failure(description: "a node ended with status \(self.process.terminationStatus)")
        }
    }

    /// Bytes that it has in physical memory.
    func residentBytes() throws -> Int {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/ps")
        process.arguments = ["-o", "rss=", "-p", "\(self.process.processIdentifier)"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard let kibibytes = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Failure(description: "ps: expected KiB of memory, found \(text)")
        }
        return kibibytes << 10
    }

    /// Our own node, by this very program.
    static func ours() throws -> NodeProcess {
        guard let program = Bundle.main.executableURL else { throw Failure(description: "this program has no path") }
        return try NodeProcess(program, ["node"])
    }

    /// What `bench node` does: a node as anybody would run it, with an echo and a sink. For each line
    /// `pour ADDRESS COUNT` it sends so many bytes to another one's sink, and tells the seconds.
    static func serve() async throws {
        let node = try PeerNode(
            identity: .generateEd25519(), logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        try node.register(BenchHandler())
        let addresses = try await node.listen(on: [
            Multiaddr("/ip4/127.0.0.1/tcp/0"), Multiaddr("/ip4/127.0.0.1/tcp/0/ws"),
        ])
        self.say(addresses.map(\.description).joined(separator: " "))
        for await line in self.lines() {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "pour", let count = Int(words[2]) else {
                throw Failure(description: "unknown command \(line)")
            }
            self.say("\(try await self.pour(count, to: Multiaddr(String(words[1])), from: node) / .seconds(1))")
        }
        await node.shutdown()
    }

    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    /// The lines of the standard input, read on a thread of their own.
    private static func lines() -> AsyncStream<String> {
        AsyncStream { continuation in
            Thread.detachNewThread {
                while let line = Swift.readLine() { continuation.yield(line) }
                continuation.finish()
            }
        }
    }

    private static func pour(_ count: Int, to address: Multiaddr, from node: PeerNode) async throws -> Duration {
        let peer = try await node.connect(to: address)
        let stream = try await node.openStream(to: peer, protocols: [TransportPair.sinkID]).stream
        let chunk = [UInt8](repeating: 7, count: 256 << 10)
        let clock = ContinuousClock()
        let start = clock.now
        for _ in 0..<(count / chunk.count) { try await stream.write(chunk) }
        try await stream.closeWrite()
        while try await stream.read(upTo: 1) != nil {}
        return clock.now - start
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
