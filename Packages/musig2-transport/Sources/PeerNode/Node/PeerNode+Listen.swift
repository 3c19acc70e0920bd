import Logging
public import Multiformats
@_spi(Waiting) public import PeerTransport
public import ServiceLifecycle
import Synchronization

extension PeerNode: Service {
    /// Where the node can be reached: the announced addresses if there are any, else those it listens on, each with the
    /// `/p2p/` end of this node. A listener on all interfaces (`0.0.0.0`, `::`) counts with the address of each.
    public var addresses: [Multiaddr] {
        let announced = configuration.announcedAddresses
        guard announced.isEmpty else { return announced.map(withOwnID) }
        return state.withLock { $0.listening.addresses }.flatMap { InterfaceAddresses.reachable(at: $0) }
    }

    /// Listens at addresses, all or none of them.
    ///
    /// - Parameter addresses: Where; port 0 lets the system choose.
    /// - Returns: The addresses with real ports and the `/p2p/` end of this node, as in ``addresses``.
    /// - Throws: `TransportError.Code.addressInUse` and what else the transports throw.
    @discardableResult
    public func listen(on addresses: [Multiaddr]) async throws(TransportError) -> [Multiaddr] {
        var opened: [any Listener] = []
        do throws(TransportError) {
            for address in addresses {
                guard let transport = transports.first(where: { $0.canDial(address) }) else {
                    throw TransportError(.unsupportedAddress, "no transport here understands \(address)")
                }
                opened.append(try await transport.listen(on: address, accepting: accepting))
            }
            guard keep(opened) else { throw Self.shutDownError }
        } catch {
            for listener in opened { await listener.close() }
            throw error
        }
        for listener in opened {
            Task { await accept(from: listener) }
        }
        deliverNotices()
        return opened.flatMap(\.addresses).flatMap { InterfaceAddresses.reachable(at: $0) }
    }

    private func keep(_ listeners: [any Listener]) -> Bool {
        let isKept = state.withLock { state in
            guard !state.isShutDown else { return false }
            state.listening.add(listeners)
            return true
        }
        guard isKept else { return false }
        let addresses = self.addresses
        state.withLock { state in
            state.notices.append(.addresses(addresses))
            state.listening.tell(addresses)
        }
        if listeners.contains(where: { $0.addresses.contains(where: \.isUnspecified) }) { watchAddresses() }
        for address in listeners.flatMap(\.addresses) {
            logger.debug("listening", metadata: ["address": "\(address)"])
        }
        return true
    }

    /// Looks at the addresses of the interfaces now and then: computers move from network to network.
    private func watchAddresses() {
        let interval = configuration.addressCheckInterval
        let time = configuration.timeSource
        state.withLock { state in
            guard !state.isShutDown else { return }
            state.listening.watch {
                Task { [weak self] in
                    do {
                        while true {
                            try await time.sleep(interval)
                            guard let self else { return }
                            checkAddresses()
                        }
                    } catch {
                        // The node is shut down.
                    }
                }
            }
        }
    }

    /// Tells the observers if the addresses are not what they were.
    func checkAddresses() {
        let addresses = self.addresses
        state.withLock { state in
            if state.listening.tell(addresses) { state.notices.append(.addresses(addresses)) }
        }
        deliverNotices()
    }

    private func accept(from listener: any Listener) async {
        do throws(TransportError) {
            while let connection = try await listener.accept() {
                _ = adopt(connection)
            }
        } catch {
            logger.error("listener broke", metadata: ["error": "\(error)"])
        }
    }

    private func withOwnID(_ address: Multiaddr) -> Multiaddr {
        do throws(MultiaddrError) {
            return try address.appending(localPeer)
        } catch {
            return address
        }
    }

    /// Closes all listeners and connections. Handlers are told of each peer that goes. A second call does nothing.
    public func shutdown() async {
        let (listeners, connections, dials) = state.withLock { state -> ([any Listener], [any Connection], [Dial]) in
            state.isShutDown = true
            defer { state.dials = [:] }
            return (state.listening.close(), state.table.entries.values.map(\.connection), Array(state.dials.values))
        }
        for dial in dials {
            dial.task?.cancel()
            dial.outcome.set(.failure(Self.shutDownError))
        }
        await dht?.shutdown()
        for listener in listeners { await listener.close() }
        await withTaskGroup(of: Void.self) { group in
            for connection in connections { group.addTask { await connection.close() } }
        }
        savePeers()
    }

    /// Listens at ``PeerNode/Configuration/listenAddresses`` and waits for the graceful shutdown of the service group,
    /// or for cancellation; then shuts the node down.
    ///
    /// - Throws: `TransportError` when the node cannot listen.
    public func run() async throws {
        try await listen(on: configuration.listenAddresses)
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            logger.debug("cancelled")
        }
        await shutdown()
    }
}
