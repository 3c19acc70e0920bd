public import Multiformats

/// Which addresses a network uses: others are neither stored, nor asked, nor told.
///
/// The public libp2p network ignores private addresses; a network inside one machine or one building has no others.
public enum AddressPolicy: UInt8, Hashable, Sendable, CaseIterable {
    /// Addresses of the Internet, and names: no private ones, in whatever form, and none that are for documentation.
    case publicOnly
    /// Loopback and private addresses, and names.
    case privateOnly
    /// All.
    case any

    /// Whether the network uses an address. Unspecified addresses (0.0.0.0, ::), multicast and reserved ones are never used.
    ///
    /// - Parameter address: The address.
    /// - Returns: Whether to use it.
    public func accepts(_ address: Multiaddr) -> Bool {
        guard !address.isReserved else { return false }
        switch self {
        case .publicOnly: return address.isPublic
        case .privateOnly: return address.isPrivate || address.isNamed
        case .any: return true
        }
    }
}

extension Multiaddr {
    /// Whether the address begins with a name.
    var isNamed: Bool {
        switch components.first {
        case .dns?, .dns4?, .dns6?, .dnsaddr?: true
        default: false
        }
    }
}
