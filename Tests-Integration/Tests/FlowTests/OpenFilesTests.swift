import FlowKit
import Foundation
import Multiformats
import NIOCore
import NIOPosix
import Testing

/// R12: a process that may have few files open.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct OpenFilesTests {
    private let command: Command
    private let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    /// With too few it is an error in words; with few the node runs, and outlives more connections than it may have.
    @Test(arguments: [12, 40, 256])
    func r12FewOpenFiles(_ limit: Int) async throws {
        let home = folder.file("node")
        let node = "'\(command.path)' node --home '\(home)' --listen /ip4/127.0.0.1/tcp/0 --timeout 100"
        // Three for each event loop, of which there is one for each processor, and what a process has open beside connections.
        if limit < 3 * NIOSingletons.groupLoopCountSuggestion + 32 {
            let refused = try await command.shell("ulimit -n \(limit); \(node) --human")
            #expect(refused.status == 6, "\(refused)")
            #expect(
                refused.error.contains("open files: this process may have \(limit), expected at least"), "\(refused)")
            #expect(refused.error.contains("ulimit -n 1024"))
            return
        }
        let stop = folder.file("stop")
        async let finished = command.shell(
            "ulimit -n \(limit); \(node) --json & node=$!; while [ ! -e '\(stop)' ]; do sleep 0.1; done; "
                + "kill -INT $node; wait $node")
        defer { _ = FileManager.default.createFile(atPath: stop, contents: nil) }
        var status = try await command.run(["node", "status", "--home", home, "--json", "--wait", "30"])
        while status.status == 1 {
            // It does not run yet.
            await Task.yield()
            status = try await command.run(["node", "status", "--home", home, "--json", "--wait", "30"])
        }
        let address = try Multiaddr(try #require(try JSONLine(status.output).texts("addresses").first))
        guard case .tcp(let port) = address.components[1] else { throw FlowError("no port in \(address)") }
        var channels: [any Channel] = []
        for _ in 0..<300 {
            channels.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: Int(port)).get())
        }
        // It is not deaf, nor dead.
        let alive = try await command.run(["node", "status", "--home", home, "--json"])
        #expect(alive.status == 0, "\(alive)")
        for channel in channels { channel.close(promise: nil) }
        _ = FileManager.default.createFile(atPath: stop, contents: nil)
        let ended = try await finished
        #expect(ended.status == 0, "\(ended)")
    }
}
