public import Multiformats

/// Which addresses a network uses: others are neither stored, nor asked, nor told.
///
/// The public libp2p network ignores private addresses; a network inside one machine or one building has no others.
public enum AddressPolicy: UInt8, Hashable, Sendable, CaseIterable {
    /// Addresses that can be reached from the Internet, and names.
    case publicOnly
    /// Loopback and private addresses, and names.
    case privateOnly
    /// All.
    case any

    /// Whether the network uses an address. Unspecified addresses (0.0.0.0, ::) are never used.
    ///
    /// - Parameter address: The address.
    /// - Returns: Whether to use it.
    public func accepts(_ address: Multiaddr) -> Bool {
        guard !address.isUnspecified else { return false }
        switch self {
        case .publicOnly: return !address.isPrivate
        case .privateOnly: return address.isPrivate || address.isNamed
        case .any: return true
        }
    }
}

extension Multiaddr {
    /// Whether the address begins with a name.
    internal var isNamed: Bool {
        switch components.first {
        case .dns?, .dns4?, .dns6?, .dnsaddr?: true
        default: false
        }
    }
}
