import Multiformats
import PeerTransport

/// What the caller that wants a peer knows and allows.
struct DialRequest: Sendable {
    var addresses: [Multiaddr]
    /// Whether addresses that failed lately are left alone for a while, longer each time: for dials that nobody waits for,
    /// such as those of a DHT. Otherwise every address is tried, those that failed lately last.
    var respectsBackoff: Bool
    /// Which addresses are tried, names by where they lead.
    var filter: AddressFilter
    /// The source that named the addresses: of a stranger's nothing that is harmful is tried, and a name only where it leads to the
    /// Internet, unless the filter wants something else.
    var source = AddressSource.user
    /// Whether the places count that are dialled, as for the DHT, so that no place is dialled again and again.
    var isBounded = false

    /// Whether a dial for this request tries whatever one for another would.
    func covers(_ other: DialRequest) -> Bool {
        other.addresses.allSatisfy(addresses.contains) && (!respectsBackoff || other.respectsBackoff)
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
