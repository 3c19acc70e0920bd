public import Logging
public import PeerTransport
public import PeerTransportNIO

extension PeerNode {
    /// Makes a node over TCP and, for `/ws` addresses, WebSocket: the default transport.
    ///
    /// - Parameters:
    ///   - identity: Who this node is.
    ///   - configuration: Limits, timeouts and addresses of the node.
    ///   - tcp: Limits and timeouts of the transport.
    ///   - logger: Where to log to. Nothing secret is logged.
    /// - Throws: `TransportError.Code.invalidArgument` for a configuration that makes no sense.
    public convenience init(
        identity: NodeIdentity,
        configuration: PeerNodeConfiguration = PeerNodeConfiguration(),
        tcp: TCPTransport.Configuration = TCPTransport.Configuration(),
        logger: Logger = Logger(label: "peer-node")
    ) throws(TransportError) {
        let responders = ResponderRegistry()
        let metrics = TransportMetrics(logger: logger)
        let transport = try TCPTransport(
            identity: identity, configuration: tcp, responders: responders, onEvent: { metrics.note($0) })
        self.init(
            identity: identity,
            transports: [transport],
            responders: responders,
            configuration: configuration,
            logger: logger
        )
    }
}
