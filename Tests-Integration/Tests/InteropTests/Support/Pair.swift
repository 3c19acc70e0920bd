import FlowKit
import Multiformats
import PeerNode
import PeerTransport

/// A node of ours and one of py-libp2p, connected as a setting says.
struct Pair: Sendable {
    let ours: OurNode
    let theirs: PythonNode

    /// Makes two nodes, connects them, and ends them after `body`, whatever comes of it.
    ///
    /// - Parameters:
    ///   - setting: How they meet.
    ///   - theirKey: The kind of identity of the node of py-libp2p, if it is not that of the setting.
    ///   - dht: Which network the node of py-libp2p serves, if any.
    ///   - prepare: What that node does before it meets ours.
    ///   - body: What is tested.
    static func connected(
        _ setting: Setting,
        theirKey: String? = nil,
        dht: PythonDHT? = nil,
        prepare: @Sendable (PythonNode) async throws -> Void = { _ in },
        _ body: @Sendable (Pair) async throws -> Void
    ) async throws {
        let theirs = try await PythonNode(
            key: theirKey ?? setting.key.rawValue, listen: [setting.listenAddress], dht: dht)
        let ours = try await OurNode(identity: setting.identity(), listen: [setting.listenAddress])
        let pair = Pair(ours: ours, theirs: theirs)
        do {
            try await prepare(theirs)
            try await pair.connect(setting.direction)
            try await body(pair)
        } catch {
            await pair.end()
            throw error
        }
        await pair.end()
    }

    private func connect(_ direction: Setting.Direction) async throws {
        switch direction {
        case .weDial:
            try await bounded("our dial") { try await ours.node.connect(to: theirs.id, addresses: theirs.addresses) }
            try await theirs.call("connected", ours.id)
        case .theyDial:
            guard let address = ours.node.addresses.first else { throw InteropError("our node listens nowhere") }
            try await theirs.call("connect", ["to": "\(address)"])
            try await ours.connected(to: theirs.id)
        }
    }

    private func end() async {
        await ours.node.shutdown()
        do {
            try await theirs.call("stop")
        } catch {
            // The process has ended: the suite tells why.
        }
    }

    /// A stream that one side opened, with both of its ends.
    func stream(openedBy opener: Opener) async throws -> (ours: any ByteStream, theirs: PythonStream) {
        switch opener {
        case .us:
            let own = try await ours.open(PythonNode.manualProtocol, to: theirs.id)
            return (own, try await theirs.nextStream())
        case .them:
            let other = try await theirs.open(PythonNode.manualProtocol, to: ours.id)
            return (try await ours.nextStream(), other)
        }
    }
}

/// Which side opens a stream, independent of which one dialled.
enum Opener: CaseIterable, Sendable {
    case us
    case them
}
