import FlowKit
import Logging
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import PeerNode
import PeerTransport
import Secp256k1
import Testing

extension Interop {
    /// Signers that find each other in a network that somebody else runs: all they know is one node of py-libp2p.
    @Suite
    struct SessionTests {
        private static let settings = Setting.all.filter { $0.direction == .weDial }

        /// How the signers find each other.
        enum Way: String, CaseIterable, CustomTestStringConvertible {
            case rendezvous
            case record

            var testDescription: String { rawValue }

            var discovery: DiscoveryMethod {
                switch self {
                case .rendezvous: .rendezvous
                case .record: .record
                }
            }
        }

        /// Nobody but their node holds anything for others.
        @Test(arguments: settings, Way.allCases)
        func threeClients(_ setting: Setting, by way: Way) async throws {
            try await Self.threeOfThree([.client, .client, .client], setting, by: way)
        }

        /// One of them only asks, and must not be taken for one that answers.
        @Test(arguments: settings, Way.allCases)
        func twoServersAndAClient(_ setting: Setting, by way: Way) async throws {
            try await Self.threeOfThree([.server, .client, .server], setting, by: way)
        }

        private struct Signer {
            let key: PublicKey
            let node: SigningNode
        }

        private static func threeOfThree(
            _ modes: [NodeDHT.Configuration.Mode], _ setting: Setting, by way: Way
        ) async throws {
            let network = PythonDHT(
                protocolID: ProtocolID("\(KademliaPair.ownPrefix)/kad/1.0.0"),
                namespaces: [RecordName.defaultNamespace])
            let bootstrap = try await PythonNode(
                key: setting.key.rawValue, listen: [setting.listenAddress], dht: network)
            var signers: [Signer] = []
            do {
                for mode in modes {
                    signers.append(try await signer(setting, mode, bootstrap: bootstrap.addresses))
                }
                try await sign(signers, by: way)
            } catch {
                await shutdown(signers)
                try await bootstrap.call("stop")
                throw error
            }
            await shutdown(signers)
            try await bootstrap.call("stop")
        }

        private static func signer(
            _ setting: Setting, _ mode: NodeDHT.Configuration.Mode, bootstrap: [Multiaddr]
        ) async throws -> Signer {
            let secret = SecretKey.generate()
            let key = secret.publicKey
            let node = try await SigningNode.start(
                signer: secret, identity: setting.identity(),
                listenAddresses: [ListenAddress(try Multiaddr(setting.listenAddress))],
                dht: NodeDHT.Configuration(mode: mode, prefix: KademliaPair.ownPrefix, bootstrap: bootstrap),
                consent: .approveEverything, logger: Logger(label: "interop") { _ in SwiftLogNoOpLogHandler() })
            return Signer(key: key, node: node)
        }

        /// All at once: each lingers until the others have said that they are done.
        private static func shutdown(_ signers: [Signer]) async {
            await withTaskGroup(of: Void.self) { group in
                for signer in signers { group.addTask { await signer.node.shutdown() } }
            }
        }

        private static func sign(_ signers: [Signer], by way: Way) async throws {
            let messages = [Array("signed together".utf8)]
            var request = SessionRequest(signers: signers.map(\.key), messages: messages)
            request.discovery = [way.discovery]
            let session = try await signers[0].node.coordinator.createSession(request).id
            let held = try await bounded("the signatures of three", within: .seconds(30)) {
                try await withThrowingTaskGroup(of: (Int, [SchnorrSignature]).self) { group in
                    for (index, signer) in signers.enumerated() {
                        group.addTask {
                            let coordinator = signer.node.coordinator
                            if index > 0 { try await coordinator.joinSession(id: session) }
                            return (index, try await coordinator.waitForSignatures(of: session))
                        }
                    }
                    return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                }
            }
            let outcome = try Outcome(
                signers: signers.map(\.key), messages: messages, held: signers.indices.compactMap { held[$0] })
            #expect(outcome.signatures.count == 1)
        }
    }
}
