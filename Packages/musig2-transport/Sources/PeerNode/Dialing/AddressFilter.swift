public import Multiformats

/// Which addresses are meant: those of the Internet, of a local network, of this machine, or all.
///
/// None allows what nobody can be reached at: an unspecified, multicast or reserved address, an IPv6 link-local one, port 0.
public enum AddressFilter: Sendable, Hashable, CaseIterable {
    /// Every address.
    case any
    /// Addresses of the Internet, and names, which are dialled only where they lead to such ones: no private ones, in whatever
    /// form, and none that are for documentation.
    case `public`
    /// Addresses that cannot be reached from the Internet: of a local network or of this machine.
    case `private`
    /// Addresses of this machine.
    case loopback

    /// Whether an address passes.
    ///
    /// - Parameter address: With or without a `/p2p/` end.
    /// - Returns: Whether it is of this kind and somebody could be reached at it.
    public func allows(_ address: Multiaddr) -> Bool {
        guard address.isUsable else { return false }
        return switch self {
        case .any: true
        case .public: address.isPublic
        case .private: address.scope != .public
        case .loopback: address.scope == .loopback
        }
    }
}

/// From where an address can be reached.
enum AddressScope: Hashable, Comparable {
    case loopback
    case `private`
    case `public`

    /// Whether one that is at `self` can make use of an address: nobody elsewhere can reach what is local here.
    func canUse(_ address: Multiaddr) -> Bool { address.isUsable && address.scope >= self }
}

extension Multiaddr {
    /// From where the address can be reached. A name counts as public.
    var scope: AddressScope {
        if isLoopback { return .loopback }
        return isPrivate ? .private : .public
    }

    /// Whether the address begins with a name.
    var isNamed: Bool {
        switch components.first {
        case .dns?, .dns4?, .dns6?, .dnsaddr?: true
        default: false
        }
    }

    /// Whether anybody could be reached at the address.
    var isUsable: Bool {
        guard let first = components.first, !isReserved else { return false }
        switch first {
        case .ip6(let address):
            // fe80::/10 means nothing without a zone.
            if address.high >> 54 == 0xFE80 >> 6 { return false }
        case .p2p: return false
        default: break
        }
        return !components.contains { $0 == .tcp(0) || $0 == .udp(0) || $0 == .memory(0) }
    }
}
