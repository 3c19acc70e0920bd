import Foundation
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import Secp256k1
import Synchronization

/// The node of a signer that is on the network for one command.
final class SignerNode: Sendable {
    let home: HomeOptions
    let node: NodeOptions
    let network: NetworkOptions
    /// Where the DHT begins; empty: the node takes no part in one.
    let bootstrap: [Multiaddr]
    private let reached = Mutex<[Multiaddr]>([])
    private let memory = Mutex(Memory())

    /// The session that is claimed, and where its other signers were.
    private struct Memory {
        var claim: SessionClaim?
        var signers: [PeerID: [Multiaddr]] = [:]
    }

    init(home: HomeOptions, node: NodeOptions, network: NetworkOptions) throws(Failure) {
        self.home = home
        self.node = node
        self.network = network
        bootstrap = try network.bootstrapAddresses()
    }

    /// How the node takes part in the DHT: as a client, since it only passes by.
    private var dht: NodeDHT.Configuration? {
        bootstrap.isEmpty ? nil : network.configuration(.client, bootstrap: bootstrap)
    }

    /// What one types so that another command begins where this one did: at the addresses that led somewhere. nil: none did.
    var networkWords: String? {
        let reached = reached.withLock(\.self)
        return reached.isEmpty ? nil : network.words(for: reached)
    }

    /// Starts the node.
    ///
    /// - Parameters:
    ///   - consent: What decides about signing.
    ///   - invited: The addresses of an invitation. If they are this node's own, of the time before it left the session, it listens
    ///     at their port again: signers that have the invitation, or lost the node there, find it.
    ///   - output: Where it says what of its addresses cannot be told.
    func start(
        consent: any ConsentPolicy, invited: [Multiaddr] = [], _ output: Output
    ) async throws -> SigningNode {
        let key = try await KeyFile.read(at: home.keyFile)
        let listen = try node.listenAddresses()
        let identity = try identity()
        let announce = try node.announcedAddresses(of: identity.peerID, output)
        var nodeConfiguration = PeerNode.Configuration()
        nodeConfiguration.announcedAddresses = announce
        nodeConfiguration.peerStorePersistence = PeerStoreFile(path: home.peersFile)
        var configuration = MuSig2Coordinator.Configuration()
        // A person waits, and is told after 6 s that nobody is there.
        configuration.discovery.retries = 2
        do {
            let own = invited.filter { $0.peerID == identity.peerID }
            let signing = try await SigningNode.start(
                signer: key, identity: identity, listenAddresses: own.isEmpty ? listen.map(ListenAddress.init) : [],
                dht: dht, consent: consent,
                configuration: configuration, nodeConfiguration: nodeConfiguration, logger: node.logger())
            if !own.isEmpty { try await Self.listen(signing, listen, formerly: own.lazy.compactMap(\.tcpPort).first) }
            return signing
        } catch {
            throw Failure.network(error)
        }
    }

    /// Listens at the port of last time where any would do; at a free one if another program has it.
    private static func listen(_ signing: SigningNode, _ wanted: [Multiaddr], formerly port: UInt16?) async throws {
        let former = try port.map { port in try wanted.map { try $0.replacing(freePortWith: port) } }
        do throws(TransportError) {
            do throws(TransportError) {
                try await signing.node.listen(on: former ?? wanted)
            } catch {
                guard error.code == .addressInUse, former != wanted else { throw error }
                try await signing.node.listen(on: wanted)
            }
        } catch {
            await signing.shutdown()
            throw error
        }
    }

    // MARK: What is kept of a session

    /// Claims a session for this process: see ``SessionClaim``.
    func claim(_ session: SessionID) throws(Failure) {
        let claim = try SessionClaim(session, in: home)
        memory.withLock { $0.claim = claim }
    }

    /// Keeps where the other signers of the session are, as far as it is known.
    func remember(_ peers: [PeerID], of node: PeerNode) {
        memory.withLock { memory in
            let before = memory.signers
            for peer in peers where memory.signers[peer] != nil || memory.signers.count < SessionClaim.mostSigners {
                let addresses = node.knownAddresses(of: peer).compactMap { try? $0.appending(peer) }
                if !addresses.isEmpty { memory.signers[peer] = addresses }
            }
            guard memory.signers != before else { return }
            memory.claim?.remember(memory.signers.sorted { $0.key < $1.key }.map(\.value))
        }
    }

    /// Ends the claim, if there is one.
    func letGo(isOver: Bool) {
        memory.withLock { memory in
            memory.claim?.letGo(isOver: isOver)
            memory.claim = nil
        }
    }

    /// Waits until searches in the DHT lead somewhere, if the node takes part in one.
    ///
    /// - Throws: ``Failure`` that says why they do not.
    func enterNetwork(_ node: SigningNode, _ output: Output) async throws {
        guard let dht else { return }
        let reached = try await NetworkEntry(node: node.node, configuration: dht).enter { message in
            try output.progress("notice      \(message)", event: "notice", ["message": .string(message)])
        }
        self.reached.withLock { $0 = reached }
        let size = node.node.dhtStatus.routingTableSize
        try output.progress(
            "network     \(network.network), \(size) node\(size == 1 ? "" : "s") known", event: "network",
            ["network": .string(network.network), "routingTableSize": .integer(size)])
    }

    /// The node's identity; a passing one while another process uses the one of the home folder. Two nodes with one
    /// identity cannot be in one session: a third takes them for one, and talks to the one or the other.
    private func identity() throws(Failure) -> NodeIdentity {
        let identity: NodeIdentity
        do throws(TransportError) {
            identity = try NodeIdentity.loadOrCreate(at: home.identityFile)
        } catch {
            throw Failure.file(error)
        }
        return ProcessLock.isHeldByAnother(home.identityFile) ? .generateEd25519() : identity
    }
}
