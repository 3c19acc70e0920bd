import Foundation
import Multiformats
import PeerNode
import PeerTransport

/// The way of a node into its DHT, with what a person needs to know when it does not get there.
struct NetworkEntry {
    let node: PeerNode
    let configuration: DHTConfiguration

    /// How long a DHT may take to become ready once one of its nodes was reached.
    private static let patience = Duration.seconds(10)
    /// How long a node may take that is just starting to say that it serves the network.
    private static let grace = Duration.seconds(1)

    /// Reaches the bootstrap addresses, and waits until searches lead somewhere.
    ///
    /// - Parameter notice: Is told what is wrong with one address while others will do.
    /// - Throws: ``Failure`` when no address leads to a node, or none of those reached is of this network.
    func enter(_ notice: (String) throws -> Void) async throws {
        let reach = await reach()
        let reached = reach.reached
        if let first = reach.failures.first, reached.isEmpty { throw first }
        for failure in reach.failures { try notice(failure.message) }
        guard !reached.isEmpty else { return }
        let failure = await withTaskGroup(of: Failure?.self) { group in
            group.addTask { await waitUntilReady(reached) }
            group.addTask { await strangers(reached) ? notServing(reached) : nil }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        if let failure { throw failure }
    }

    /// What became of the bootstrap addresses.
    struct Reach: Sendable {
        /// Whom they led to.
        var reached: [PeerID] = []
        /// Why others led nowhere.
        var failures: [Failure] = []
        /// Those at which this node itself answers.
        var own: [Multiaddr] = []
    }

    /// Connects to all bootstrap addresses but those that are known to be this node's own.
    func reach() async -> Reach {
        await withTaskGroup(of: (Int, Result<PeerID, TransportError>).self) { group in
            for (index, address) in configuration.bootstrap.enumerated() where address.peerID != node.localPeer {
                group.addTask {
                    do throws(TransportError) {
                        return (index, .success(try await node.connect(to: address)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            var results: [(Int, Result<PeerID, TransportError>)] = []
            for await result in group { results.append(result) }
            var reach = Reach()
            for (index, result) in results.sorted(by: { $0.0 < $1.0 }) {
                let address = configuration.bootstrap[index]
                switch result {
                case .success(let peer): reach.reached.append(peer)
                // Where nobody is expected, none but this node itself is the wrong one.
                case .failure(let error) where error.code == .peerMismatch && address.peerID == nil:
                    reach.own.append(address)
                case .failure(let error): reach.failures.append(.bootstrap(address, error))
                }
            }
            return reach
        }
    }

    private func waitUntilReady(_ reached: [PeerID]) async -> Failure? {
        do throws(TransportError) {
            try await node.waitUntilReady(timeout: Self.patience)
            return nil
        } catch {
            return error.code == .notReady ? notServing(reached) : .network(error)
        }
    }

    /// Returns when all who were reached have said that they do not serve the network; never when one does.
    ///
    /// - Returns: False when the task was cancelled.
    private func strangers(_ reached: [PeerID]) async -> Bool {
        let (statements, statement) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let observer = node.addObserver(Listener(statement: statement))
        defer { node.removeObserver(observer) }
        // What was said before.
        statement.yield()
        for await _ in statements where areStrangers(reached) {
            do { try await Task.sleep(for: Self.grace) } catch { return false }
            if areStrangers(reached) { return true }
        }
        return false
    }

    private func areStrangers(_ reached: [PeerID]) -> Bool {
        reached.allSatisfy { peer in
            node.information(of: peer).map { !$0.protocols.contains(configuration.protocolID) } ?? false
        }
    }

    private final class Listener: PeerObserver {
        private let statement: AsyncStream<Void>.Continuation

        init(statement: AsyncStream<Void>.Continuation) {
            self.statement = statement
        }

        func peerIdentified(_ peer: PeerID, _ information: PeerInformation) { statement.yield() }
    }

    /// Why a network is not ready although one of the addresses leads to a node.
    private func notServing(_ reached: [PeerID]) -> Failure {
        let names = reached.map(\.description).joined(separator: ", ")
        return Failure(
            .network, "the DHT is not ready: \(names) was reached, and is no server of \(configuration.protocolID)",
            hint: "Give --bootstrap the address of a `musig2 node`, and --network the same name as there.")
    }
}

extension Failure {
    /// A bootstrap address that leads nowhere.
    static func bootstrap(_ address: Multiaddr, _ error: TransportError) -> Failure {
        let hint: String? =
            switch error.code {
            case .peerMismatch: "Take the whole address from what `musig2 node` prints there, with what follows /p2p/."
            case .notAPeer: "Is the port that of a `musig2 node`, and does /ws stand in the address if it does there?"
            case .unsupportedAddress: "An example: /ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…"
            case .securityFailed, .protocolViolation, .protocolNotSupported: nil
            default: "Does `musig2 node` run there, and can this machine reach it?"
            }
        // The address stands before what the node says of it.
        var message = text(error.message, error.underlying)
        for place in [address, address.withoutPeerID].compactMap(\.self?.description) {
            message = message.replacing("\(place): ", with: "").replacing(" at \(place)", with: " there")
                .replacing(place, with: "it")
        }
        return Failure(.network, "bootstrap \(address): \(message)", hint: hint)
    }
}
