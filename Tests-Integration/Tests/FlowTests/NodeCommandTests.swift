import FlowKit
import Foundation
import Testing

/// The node for others: what it tells of itself, when it is alone, gone, or started twice.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct NodeCommandTests {
    private let command: Command
    private let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    private func status(_ home: String, _ more: [String] = []) async throws -> Command.Finished {
        try await command.run(["node", "status", "--home", folder.file(home), "--json"] + more)
    }

    /// Runs a node, and ends it after the body.
    private func withNode(
        _ home: String,
        _ arguments: [String] = [],
        _ body: () async throws -> Void
    ) async throws -> Command.Followed {
        let (end, finish) = AsyncStream.makeStream(of: Void.self)
        async let node = command.follow(
            ["node", "--home", folder.file(home), "--listen", "/ip4/127.0.0.1/tcp/0", "--timeout", "120"] + arguments,
            until: end)
        defer { finish.finish() }
        try await body()
        finish.finish()
        return try await node
    }

    @Test
    func tellsItsStatus() async throws {
        let none = try await status("a")
        #expect(none.status == 1)
        #expect(try JSONLine(none.output).text("message") == "no node runs in \(folder.file("a"))")
        #expect(try JSONLine(none.output).text("hint").hasPrefix("Start one with `musig2 node`"))

        let ended = try await withNode("a") {
            let ready = try await status("a", ["--wait", "30"])
            #expect(ready.status == 0, "\(ready.output)")
            let line = try JSONLine(ready.output)
            #expect(try line.text("network") == "musig2")
            #expect(try line.text("mode") == "server")
            #expect(try line.number("enabled") == 1)
            #expect(try line.number("isReady") == 1, "the first node of a network is ready alone")
            #expect(try line.number("routingTableSize") == 0)
            #expect(try line.number("connections") == 0)
            let end = "/p2p/\(try line.text("peer"))"
            #expect(try line.texts("addresses").map { $0.hasSuffix(end) } == [true])

            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("a/node/status"))
            #expect(attributes[.posixPermissions] as? Int == 0o600)

            let second = try await command.run(["node", "--home", folder.file("a"), "--human"])
            #expect(second.status == 2)
            #expect(second.error.hasPrefix("error: a node runs in \(folder.file("a")) already\n"))
            #expect(try await status("a").status == 0, "the first one is not disturbed")
        }
        #expect(ended.status == 0, "\(ended.error)")
        #expect(ended.lines.map(\.event) == ["listening", "ready"])
        #expect(try await status("a").status == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.file("a/node/status")))
    }

    @Test
    func killedNodeLeavesNothingInTheWay() async throws {
        let killed = try await command.follow(
            ["node", "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0"]
        ) { line, _ in
            line.event == "ready" ? .kill : .goOn
        }
        #expect(killed.status == 137)
        let gone = try await status("a")
        #expect(gone.status == 1, "a socket that is left is no node: \(gone.output)")
        let again = try await withNode("a") {
            let ready = try await status("a", ["--wait", "30"])
            #expect(ready.status == 0, "\(ready.output)")
            let peer = try JSONLine(ready.output).text("peer")
            let before = try killed.lines.first?.text("peer")
            #expect(before == peer, "it is the same node")
        }
        #expect(again.status == 0)
    }

    @Test
    func aloneUntilItsBootstrapComes() async throws {
        // A port that is known before anybody listens there.
        let first = try await withNode("first") {
            let ready = try await status("first", ["--wait", "30"])
            #expect(ready.status == 0, "\(ready.output)")
        }
        let address = try #require(try first.lines.first?.texts("addresses").first)
        let place = String(address.prefix(upTo: try #require(address.range(of: "/p2p/")).lowerBound))
        let second = try await withNode("second", ["--bootstrap", address]) {
            let alone = try await status("second", ["--wait", "1"])
            #expect(alone.status == 6)
            #expect(alone.output.contains("the node is not ready: no other node of the network musig2 answers"))
            let came = try await command.follow(
                ["node", "--home", folder.file("first"), "--listen", place, "--timeout", "120"],
                until: ready("second"))
            #expect(came.status == 0)
        }
        #expect(second.status == 0)
        #expect(second.lines.map(\.event).contains("notice"), "\(second.lines.map(\.event))")
        let notice = try second.lines.first { $0.event == "notice" }?.text("message")
        #expect(notice?.hasPrefix("bootstrap \(address): ") == true)
        #expect(second.lines.map(\.event).contains("ready"))
    }

    /// The same list of bootstrap addresses may be given to all nodes: one of them finds its own, without an id, in it.
    @Test
    func aBootstrapThatIsTheNodeItself() async throws {
        let first = try await withNode("a") {
            let ready = try await status("a", ["--wait", "30"])
            #expect(ready.status == 0, "\(ready.output)")
        }
        let address = try #require(try first.lines.first?.texts("addresses").first)
        let place = String(address.prefix(upTo: try #require(address.range(of: "/p2p/")).lowerBound))
        let (end, finish) = AsyncStream.makeStream(of: Void.self)
        async let node = command.follow(
            ["node", "--home", folder.file("a"), "--listen", place, "--timeout", "120", "--bootstrap", place],
            until: end)
        let ready = try await status("a", ["--wait", "20"])
        #expect(ready.status == 0, "\(ready.output)")
        finish.finish()
        let ended = try await node
        #expect(ended.status == 0)
        let notices = try ended.lines.filter { $0.event == "notice" }.map { try $0.text("message") }
        #expect(notices == ["bootstrap \(place): this is the address of this node itself"])
        // A signer has nobody then.
        let made = try await command.run(["key", "new", "--home", folder.file("b")])
        #expect(made.status == 0)
        let alone = try await command.run(
            ["inbox", "--home", folder.file("b"), "--listen", place, "--bootstrap", place, "--human"])
        #expect(alone.status == 6)
        #expect(
            alone.error.hasPrefix("error: bootstrap \(place): this is the address of this node itself\n"),
            "\(alone.error)")
    }

    /// Ends when a node is ready.
    private func ready(_ home: String) -> AsyncStream<Void> {
        let (end, finish) = AsyncStream.makeStream(of: Void.self)
        Task {
            defer { finish.finish() }
            let ready = try await status(home, ["--wait", "60"])
            #expect(ready.status == 0, "\(ready.output)")
        }
        return end
    }

    @Test
    func endsInTime() async throws {
        let ended = try await command.run(
            ["node", "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0", "--timeout", "1", "--json"])
        #expect(ended.status == 0, "\(ended.error)")
        #expect(try await status("a").status == 1)
    }

    @Test
    func portInUse() async throws {
        let first = try await withNode("a") {
            let ready = try await status("a", ["--wait", "30"])
            let address = try #require(try JSONLine(ready.output).texts("addresses").first)
            let place = String(address.prefix(upTo: try #require(address.range(of: "/p2p/")).lowerBound))
            let second = try await command.run(["node", "--home", folder.file("b"), "--listen", place, "--human"])
            #expect(second.status == 6)
            #expect(second.error.contains("Choose another port with --listen"), "\(second.error)")
        }
        #expect(first.status == 0)
    }
}
