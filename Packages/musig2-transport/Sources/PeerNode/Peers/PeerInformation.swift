public import Multiformats
public import PeerTransport

/// What a connected peer says about itself (libp2p identify specification). Nothing of it is proven but its origin.
public struct PeerInformation: Sendable, Hashable {
    /// Where the peer says it listens, without the `/p2p/` end.
    public var addresses: [Multiaddr]

    /// Whether ``addresses`` come from a record that the peer signed, so that they may be passed on.
    public var isCertified: Bool

    /// The protocols that the peer serves.
    public var protocols: Set<ProtocolID>

    /// The name of the peer's program, such as `go-libp2p/0.32.0`; often empty.
    public var agentVersion: String

    /// The name of the network's family, such as `ipfs/0.1.0`; often empty. It decides nothing.
    public var protocolVersion: String

    /// The address of this node as the peer sees it: a hint, which may be a lie.
    public var observedAddress: Multiaddr?

    /// Makes information; everything is empty by default.
    ///
    /// - Parameters:
    ///   - addresses: Where the peer says it listens, without the `/p2p/` end.
    ///   - isCertified: Whether the addresses come from a record that the peer signed.
    ///   - protocols: The protocols that the peer serves.
    ///   - agentVersion: The name of the peer's program.
    ///   - protocolVersion: The name of the network's family.
    ///   - observedAddress: The address of this node as the peer sees it.
    public init(
        addresses: [Multiaddr] = [],
        isCertified: Bool = false,
        protocols: Set<ProtocolID> = [],
        agentVersion: String = "",
        protocolVersion: String = "",
        observedAddress: Multiaddr? = nil
    ) {
        self.addresses = addresses
        self.isCertified = isCertified
        self.protocols = protocols
        self.agentVersion = agentVersion
        self.protocolVersion = protocolVersion
        self.observedAddress = observedAddress
    }
}
