public import Multiformats

/// Where a node listens.
public struct ListenAddress: Sendable, Hashable {
    /// The address; port 0 lets the system choose a port.
    public let multiaddr: Multiaddr

    /// Listens at an address.
    ///
    /// - Parameter multiaddr: The address.
    public init(_ multiaddr: Multiaddr) {
        self.multiaddr = multiaddr
    }

    /// TCP at every IPv4 address of this machine, at a port that the system chooses.
    public static let anyInterface = ListenAddress("/ip4/0.0.0.0/tcp/0")

    /// TCP at this machine's loopback address, at a port that the system chooses: for tests and demonstrations.
    public static let loopback = ListenAddress("/ip4/127.0.0.1/tcp/0")

    private init(_ text: String) {
        do {
            multiaddr = try Multiaddr(text)
        } catch {
            preconditionFailure("expected an address, found \(text): \(error)")
        }
    }
}
