import Foundation
import MuSig2Coordinator
import MuSig2Node
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
    private let reached = Mutex<[Multiaddr]?>(nil)

    init(home: HomeOptions, node: NodeOptions, network: NetworkOptions) throws(Failure) {
        self.home = home
        self.node = node
        self.network = network
        bootstrap = try network.bootstrapAddresses()
    }

    /// How the node takes part in the DHT: as a client, since it only passes by.
    private var dht: DHTConfiguration? {
        bootstrap.isEmpty ? nil : network.configuration(.client, bootstrap: bootstrap)
    }

    /// What one types so that another command begins where this one did: at the addresses that led somewhere.
    var networkWords: String { network.words(for: reached.withLock { $0 } ?? bootstrap) }

    /// Starts the node.
    ///
    /// - Parameters:
    ///   - consent: Who decides what is signed.
    ///   - output: Where it says what of its addresses cannot be told.
    func start(consent: any ConsentPolicy, _ output: Output) async throws -> SigningNode {
        let key = try await KeyFile.read(at: home.keyFile)
        let listen = try node.listenAddresses()
        let identity = try identity()
        let announce = try node.announcedAddresses(of: identity.peerID, output)
        var nodeConfiguration = PeerNodeConfiguration()
        nodeConfiguration.announcedAddresses = announce
        nodeConfiguration.peerStorePersistence = PeerStoreFile(path: home.peersFile)
        var configuration = Configuration()
        // A person waits, and is told after 6 s that nobody is there.
        configuration.discovery.retries = 2
        do {
            return try await SigningNode.start(
                signer: key, identity: identity, listenOn: listen, dht: dht, consent: consent,
                configuration: configuration, nodeConfiguration: nodeConfiguration, logger: node.logger())
        } catch {
            throw Failure.network(error)
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
