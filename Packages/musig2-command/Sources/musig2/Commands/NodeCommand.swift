import ArgumentParser
import Logging
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO

/// `musig2 node`: run a node of the DHT, for others to begin with.
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Run a DHT node, by which signers find each other, until Ctrl-C. It signs nothing and needs no key.",
        usage: """
            musig2 node [--listen <address> ...] [--bootstrap <address> ...] [<options>]
            musig2 node status [--wait <seconds>] [--home <folder>]
            """,
        discussion: """
            Prints its addresses; signers pass one of them to --bootstrap. The first node of a network starts alone, the others \
            with the address of a running one. The node remembers for a while which peer announced which session, under keys \
            that can be computed only from the session id or a signer's key.

              server$ musig2 node --listen /ip4/0.0.0.0/tcp/4001
              /ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…
              alice$  musig2 create … --bootstrap /ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…
              bob$    musig2 join SESSION-ID --bootstrap /ip4/203.0.113.7/tcp/4001/p2p/…

            The home folder keeps the node's identity, the peers it knows and, without --listen, its port, so that its addresses \
            stay valid. Ctrl-C and SIGTERM end it with status 0.
            """,
        subcommands: [NodeStatusCommand.self]
    )

    @OptionGroup var timeout: TimeoutOptions<NodeTimeout>
    @OptionGroup var network: NetworkOptions
    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let interruption = await Interruption()
            StandardStreams.ignoreBrokenPipes()
            let folder = NodeFolder(of: home)
            let node = try makeNode(folder, output)
            // The same variable may be set for all commands of a machine.
            let bootstrap = try network.bootstrapAddresses().filter { $0.peerID != node.localPeer }
            try await listen(node, folder)
            do {
                try node.startDHT(network.configuration(.server, bootstrap: bootstrap))
            } catch {
                throw Failure.network(error)
            }
            try StatusSocket.serve(NodeFolder.socket, in: folder.path) { [network = network.network] in
                (try? NodeStatus(node, network: network).text) ?? ""
            }
            let result = await serve(node, bootstrap, output, until: interruption)
            StatusSocket.remove(NodeFolder.socket, in: folder.path)
            await node.shutdown()
            try result.get()
        }
    }

    private func makeNode(_ folder: NodeFolder, _ output: Output) throws -> PeerNode {
        let identity = try folder.open(home)
        var configuration = PeerNode.Configuration()
        configuration.peerStorePersistence = PeerStoreFile(path: folder.peerFile)
        configuration.announcedAddresses = try node.announcedAddresses(of: identity.peerID, output)
        do throws(TransportError) {
            return try PeerNode(identity: identity, configuration: configuration, logger: node.logger())
        } catch {
            throw Failure.network(error)
        }
    }

    /// Listens where the options say, else at the port of last time, else at a free one.
    private func listen(_ node: PeerNode, _ folder: NodeFolder) async throws(Failure) {
        let wanted = try self.node.listenAddresses()
        do throws(TransportError) {
            guard self.node.listen.isEmpty else {
                try await node.listen(on: wanted)
                return
            }
            if let port = folder.port, await Self.listen(node, at: port) { return }
            try await node.listen(on: wanted)
        } catch {
            throw Failure.network(error)
        }
        if let port = node.addresses.lazy.compactMap(\.tcpPort).first { try folder.remember(port: port) }
    }

    /// Whether the node listens at a port of all interfaces now: another program may have it.
    private static func listen(_ node: PeerNode, at port: UInt16) async -> Bool {
        do {
            try await node.listen(on: [try Multiaddr("/ip4/0.0.0.0/tcp/\(port)")])
            return true
        } catch {
            return false
        }
    }

    /// Says what happens until the process is asked to end.
    private func serve(
        _ node: PeerNode, _ bootstrap: [Multiaddr], _ output: Output, until interruption: Interruption
    ) async -> Result<Void, Failure> {
        await withTaskGroup(of: Result<Void, Failure>.self) { group in
            group.addTask { await Self.attempt { try await follow(node, output) } }
            group.addTask {
                await interruption.wait(atMost: timeout.timeout)
                return .success(())
            }
            group.addTask {
                let configuration = network.configuration(.server, bootstrap: bootstrap)
                let entry = NetworkEntry(node: node, configuration: configuration)
                let told = await Self.attempt {
                    let reach = await entry.reach()
                    let notices =
                        reach.failures.map { ($0.message, "; it is tried again") }
                        + reach.ownNotices.map { ($0, "") }
                    for (message, ending) in notices {
                        try output.progress(
                            "notice      \(message)\(ending)", event: "notice", ["message": .string(message)])
                    }
                }
                if case .failure = told { return told }
                // There is no more to say; the others go on.
                await Interruption().wait()
                return .success(())
            }
            let first = await group.next() ?? .success(())
            group.cancelAll()
            return first
        }
    }

    /// Prints the addresses, and each change of the DHT that a person should know of.
    private func follow(_ node: PeerNode, _ output: Output) async throws {
        let addresses = node.addresses.map(\.description)
        try output.result(
            addresses.joined(separator: "\n"), event: "listening",
            [
                "peer": .string("\(node.localPeer)"), "network": .string(network.network),
                "addresses": .strings(addresses),
            ])
        let used = network.configuration(.server, bootstrap: []).usedAddresses
        if !node.addresses.contains(where: used.allows) {
            let words =
                "none of these addresses is one that the network \(network.network) uses (\(used.words)): others are not told "
                + "of this node. \(NetworkOptions.privateHint)"
            try output.progress("notice      \(words)", event: "notice", ["message": .string(words)])
        }
        var news = NodeNews(network: network.network)
        for await status in node.dhtStatusUpdates() {
            guard let line = news.line(for: status) else { continue }
            try output.progress(
                line.text, event: line.event, line.size.map { ["routingTableSize": .integer($0)] } ?? [:])
        }
    }

    private static func attempt(_ body: () async throws -> Void) async -> Result<Void, Failure> {
        do {
            try await body()
            return .success(())
        } catch {
            return .failure(error as? Failure ?? Failure(.failure, "\(error)"))
        }
    }
}
