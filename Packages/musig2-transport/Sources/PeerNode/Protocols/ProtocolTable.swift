import PeerTransport

/// The protocols that a node serves.
struct ProtocolTable {
    /// What serves the inbound streams of a protocol.
    enum Server {
        /// On a task of its own.
        case handler(any ProtocolHandler)
        /// Where the transport reads, or on a task if the transport cannot do that.
        case responder(name: String, ResponderFactory)

        var isResponder: Bool {
            if case .responder = self { true } else { false }
        }

        var name: String {
            switch self {
            case .handler(let handler): handler.name
            case .responder(let name, _): name
            }
        }
    }

    private var servers: [ProtocolID: Server] = [:]
    /// In the order in which they were registered.
    private(set) var handlers: [any ProtocolHandler] = []

    /// Sorted by name.
    var protocols: [ProtocolID] { servers.keys.sorted { $0.name < $1.name } }

    subscript(id: ProtocolID) -> Server? { servers[id] }

    /// Lets protocols be served, all or none of them.
    ///
    /// - Returns: What serves one of them already; nil when they were added.
    mutating func add(_ ids: [ProtocolID], servedBy server: Server) -> Server? {
        for id in ids {
            if let other = servers[id] { return other }
        }
        for id in ids { servers[id] = server }
        if case .handler(let handler) = server { handlers.append(handler) }
        return nil
    }

    /// Removes protocols, and the handlers of which all protocols are among them.
    mutating func remove(_ ids: [ProtocolID]) {
        for id in ids { servers[id] = nil }
        handlers.removeAll { handler in handler.protocolIDs.allSatisfy { ids.contains($0) } }
    }
}
