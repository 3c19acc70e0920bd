import Foundation
import Multiformats
import PeerNode
import PeerTransport

/// The way of a node into its DHT, with what a person needs to know when it does not get there.
struct NetworkEntry {
    let node: PeerNode
    let configuration: NodeDHT.Configuration

    /// A bootstrap address that led to a node.
    struct Reached {
        let address: Multiaddr
        let peer: PeerID
    }

    /// How long a DHT may take to become ready once one of its nodes was reached.
    private static let patience = Duration.seconds(10)
    /// How long a node may take that is just starting to say that it serves the network.
    private static let grace = Duration.seconds(1)

    /// Reaches the bootstrap addresses, and waits until searches lead somewhere.
    ///
    /// - Parameter notice: Is told what is wrong with one address while others will do.
    /// - Returns: The addresses that led to nodes.
    /// - Throws: ``Failure`` when no address leads to a node, or none of those reached is of this network.
    @discardableResult
    func enter(_ notice: (String) throws -> Void) async throws -> [Multiaddr] {
        let reach = await reach()
        let reached = reach.reached
        if let first = reach.failures.first, reached.isEmpty { throw first }
        if let first = reach.ownNotices.first, reached.isEmpty {
            throw Failure(.network, first, hint: "Give --bootstrap the address of a `musig2 node`.")
        }
        for message in reach.failures.map(\.message) + reach.ownNotices { try notice(message) }
        guard !reached.isEmpty else { return [] }
        let failure = await withTaskGroup(of: Failure?.self) { group in
            group.addTask { await waitUntilReady(reached) }
            group.addTask { await areOfNoUse(reached) ? ofNoUse(reached) : nil }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        if let failure { throw failure }
        return reached.map(\.address)
    }

    /// What became of the bootstrap addresses.
    struct Reach: Sendable {
        /// The nodes that they led to.
        var reached: [Reached] = []
        /// Why others led nowhere.
        var failures: [Failure] = []
        /// Those at which this node itself answers.
        var own: [Multiaddr] = []

        /// The same in words.
        var ownNotices: [String] { own.map { "bootstrap \($0): this is the address of this node itself" } }
    }

    /// Connects to all bootstrap addresses but those that are known to be this node's own.
    func reach() async -> Reach {
        await withTaskGroup(of: (Int, Result<Reached, TransportError>).self) { group in
            for (index, address) in configuration.bootstrap.enumerated() where address.peerID != node.localPeer {
                group.addTask {
                    do throws(TransportError) {
                        let peer = try await node.connect(to: address)
                        return (index, .success(Reached(address: address, peer: peer)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            var results: [(Int, Result<Reached, TransportError>)] = []
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

    private func waitUntilReady(_ reached: [Reached]) async -> Failure? {
        do throws(TransportError) {
            try await node.waitUntilReady(timeout: Self.patience)
            return nil
        } catch {
            return error.code == .notReady ? ofNoUse(reached) : .network(error)
        }
    }

    /// Returns when all that were reached have said of themselves what makes them useless here; never when one has not.
    ///
    /// - Returns: False when the task was cancelled.
    private func areOfNoUse(_ reached: [Reached]) async -> Bool {
        let (statements, statement) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let observer = node.addObserver(Listener(statement: statement))
        defer { node.removeObserver(observer) }
        // What was said before.
        statement.yield()
        for await _ in statements where reached.allSatisfy({ use(of: $0) == false }) {
            do { try await Task.sleep(for: Self.grace) } catch { return false }
            if reached.allSatisfy({ use(of: $0) == false }) { return true }
        }
        return false
    }

    /// Whether a node serves the network, at an address that the network uses; nil as long as it has said nothing.
    private func use(of reached: Reached) -> Bool? {
        node.information(of: reached.peer).map { serves($0) && isUsed($0, reached) }
    }

    private func serves(_ information: PeerInformation) -> Bool {
        information.protocols.contains(configuration.protocolID)
    }

    private func isUsed(_ information: PeerInformation, _ reached: Reached) -> Bool {
        (information.addresses + [reached.address]).contains(where: configuration.usedAddresses.allows)
    }

    private final class Listener: PeerObserver {
        private let statement: AsyncStream<Void>.Continuation

        init(statement: AsyncStream<Void>.Continuation) {
            self.statement = statement
        }

        func peerIdentified(_ peer: PeerID, _ information: PeerInformation) { statement.yield() }
    }

    /// Why a network is not ready although one of the addresses leads to a node.
    private func ofNoUse(_ reached: [Reached]) -> Failure {
        // One that serves tells more of what is wrong than those that do not.
        let serving = reached.first { reached in node.information(of: reached.peer).map(serves) ?? false }
        if let serving, let information = node.information(of: serving.peer), !isUsed(information, serving) {
            let used = configuration.usedAddresses.words
            return Failure(
                .network,
                "the DHT is not ready: \(serving.peer) serves \(configuration.protocolID), but \(serving.address) is no "
                    + "address that this network uses (\(used))",
                hint: NetworkOptions.privateHint)
        }
        let names = reached.map(\.peer.description).joined(separator: ", ")
        if serving != nil {
            return Failure(
                .network, "the DHT is not ready: \(names) was reached, and has not answered as a server does",
                hint: "Try again in a while, or give --bootstrap more addresses.")
        }
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
