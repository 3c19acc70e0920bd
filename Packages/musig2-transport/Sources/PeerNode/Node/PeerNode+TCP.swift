public import Logging
public import PeerTransport
public import PeerTransportNIO

extension PeerNode {
    /// Makes a node over TCP and, for `/ws` addresses, WebSocket: the default transport.
    ///
    /// - Parameters:
    ///   - identity: The identity of this node.
    ///   - configuration: Limits, timeouts and addresses of the node.
    ///   - tcp: Limits and timeouts of the transport.
    ///   - logger: Where to log to. Nothing secret is logged.
    /// - Throws: `TransportError.Code.invalidArgument` for a configuration that makes no sense,
    ///   `TransportError.Code.limitExceeded` when the process may have too few files open.
    public convenience init(
        identity: NodeIdentity,
        configuration: PeerNode.Configuration = PeerNode.Configuration(),
        tcp: TCPTransport.Configuration = TCPTransport.Configuration(),
        logger: Logger = Logger(label: "peer-node")
    ) throws(TransportError) {
        let responders = ResponderRegistry()
        let metrics = TransportMetrics(logger: logger)
        let transport = try TCPTransport(
            identity: identity, configuration: tcp, responders: responders, onEvent: { metrics.note($0) })
        var configuration = configuration
        // A quarter more for protected peers, and handshakes, must have room as well.
        let most = transport.configuration.limits.connections / 4 * 3
        if configuration.maximumConnections > most {
            configuration.maximumConnections = most
            logger.notice(
                "fewer connections than configured: the limit of open files, or of the transport, is low",
                metadata: ["connections": "\(most)", "files": "\(OpenFiles.limit)"])
        }
        self.init(
            identity: identity,
            transports: [transport],
            responders: responders,
            configuration: configuration,
            logger: logger
        )
    }
}
