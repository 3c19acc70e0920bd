import Foundation

/// The nodes of a DHT, each a `musig2 node` process of its own on the loopback interface.
public struct NodeProcesses: Sendable {
    private let command: Command
    private let count: Int
    private let wire: Wire

    /// Prepares nodes.
    ///
    /// - Parameters:
    ///   - count: How many, at least 1.
    ///   - wire: What their bytes travel over.
    /// - Throws: ``FlowError`` if the command is not found.
    public init(count: Int = 8, over wire: Wire = .tcp) throws {
        command = try Command()
        self.count = count
        self.wire = wire
    }

    private enum Event: Sendable {
        case listening(index: Int, address: String)
        case ready(index: Int)
    }

    /// Starts the nodes, does something while all of them are ready, and ends them.
    ///
    /// - Parameters:
    ///   - report: Is told what each signer did.
    ///   - body: Gets the address of the first node, for `--bootstrap`.
    /// - Returns: What the body returns.
    /// - Throws: ``FlowError`` when a node does not start or does not end in order, or what the body throws.
    public func run<Value: Sendable>(
        report: @escaping @Sendable (String) -> Void = { _ in },
        _ body: @Sendable (_ bootstrap: String) async throws -> Value
    ) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("musig2-nodes-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let (events, tell) = AsyncStream.makeStream(of: Event.self)
        let ends = (0..<count).map { _ in AsyncStream.makeStream(of: Void.self) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            func start(_ index: Int, _ bootstrap: [String]) {
                let home = folder.appendingPathComponent("node-\(index + 1)").path
                // The program that runs the flow may be killed: then the nodes end by themselves.
                let arguments = ["node", "--home", home, "--listen", wire.loopback, "--timeout", "300"] + bootstrap
                group.addTask {
                    // One that ends before its time ends the wait for the others.
                    defer { tell.finish() }
                    try await follow(index, arguments, until: ends[index].stream, report) { tell.yield($0) }
                }
            }
            start(0, [])
            var bootstrap: String?
            // One says so again when it is alone no more.
            var ready: Set<Int> = []
            for await event in events {
                switch event {
                case .listening(0, let address):
                    bootstrap = address
                    for index in 1..<count { start(index, ["--bootstrap", address]) }
                case .listening: break
                case .ready(let index): ready.insert(index)
                }
                if ready.count == count { break }
            }
            if ready.count == count, let bootstrap {
                let value = try await body(bootstrap)
                for end in ends { end.continuation.finish() }
                try await group.waitForAll()
                return value
            }
            for end in ends { end.continuation.finish() }
            try await group.waitForAll()
            throw FlowError("expected \(count) nodes that are ready, found \(ready.count)")
        }
    }

    /// Runs one node until it is told to end.
    private func follow(
        _ index: Int,
        _ arguments: [String],
        until end: AsyncStream<Void>,
        _ report: @Sendable (String) -> Void,
        _ tell: @Sendable (Event) -> Void
    ) async throws {
        let followed = try await command.follow(arguments, until: end) { line, process in
            let name = "node \(index + 1) (process \(process))"
            switch line.event {
            case "listening":
                guard let address = try line.texts("addresses").first else { throw FlowError("\(name): no address") }
                report("\(name) listens at \(address)")
                tell(.listening(index: index, address: address))
            case "ready":
                report("\(name) is ready")
                tell(.ready(index: index))
            case "error", "notice":
                throw FlowError("\(name): \(try line.text("message"))")
            default: break
            }
            return .goOn
        }
        guard followed.status == 0 else {
            throw FlowError("node \(index + 1): exit status \(followed.status): \(followed.error)")
        }
    }
}
