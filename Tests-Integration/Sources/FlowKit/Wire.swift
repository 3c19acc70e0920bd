/// What bytes travel over.
public enum Wire: String, Sendable, CaseIterable {
    /// Plain TCP.
    case tcp = "TCP"
    /// WebSocket over TCP.
    case webSocket = "WebSocket"

    /// A free port of the loopback interface, as a multiaddr.
    public var loopback: String {
        switch self {
        case .tcp: "/ip4/127.0.0.1/tcp/0"
        case .webSocket: "/ip4/127.0.0.1/tcp/0/ws"
        }
    }
}

/// How signers find a session.
public enum Way: String, Sendable, CaseIterable {
    /// By its id, through the providers of a DHT.
    case rendezvous
    /// By their own keys, through the providers of a DHT.
    case inbox
    /// By its id, through the values of a DHT.
    case record
    /// By what the creator hands them.
    case invitation
}
