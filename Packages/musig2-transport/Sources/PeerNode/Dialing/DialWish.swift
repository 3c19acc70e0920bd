import Multiformats
import PeerTransport

/// Whether a dial leaves addresses alone that failed lately.
public enum DialPatience: Sendable, Hashable {
    /// Every address is tried, those that failed lately last: somebody wants the peer now.
    case now
    /// Addresses that failed lately are left alone for a while, longer each time: for dials that nobody waits for, such as
    /// those of a DHT.
    case afterBackoff
}

/// What somebody who wants a peer knows and allows.
struct DialWish: Sendable {
    var addresses: [Multiaddr]
    var patience: DialPatience
    /// Which addresses are tried, names by where they lead.
    var filter: AddressFilter
    /// Who named the addresses: of a stranger's nothing that is harmful is tried, and a name only where it leads to the
    /// Internet, unless the filter wants something else.
    var source = AddressSource.user
    /// Whether the places count that are dialled, as for the DHT, so that no place is dialled again and again.
    var isBounded = false

    /// Whether a dial for this wish tries whatever one for another would.
    func covers(_ other: DialWish) -> Bool {
        other.addresses.allSatisfy(addresses.contains) && (patience == .now || other.patience == .afterBackoff)
            && (filter == .any || filter == other.filter) && (source == .user || other.source == .stranger)
            && (!isBounded || other.isBounded)
    }
}

/// The filters that an address passes before it is dialled, and again each address that a name stands for.
struct DialFilters: Sendable, CustomStringConvertible {
    private let filters: [AddressFilter]

    init(_ filters: AddressFilter...) {
        self.filters = filters.filter { $0 != .any }
    }

    func allow(_ address: Multiaddr) -> Bool { filters.allSatisfy { $0.allows(address) } }

    var description: String { filters.map { "\($0)" }.joined(separator: " and ") }
}
