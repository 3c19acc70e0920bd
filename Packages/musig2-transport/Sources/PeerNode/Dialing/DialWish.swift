import Multiformats

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
    /// Whether strangers have named the addresses, as in a DHT: then nothing that is harmful is tried, and a name only where
    /// it leads to the Internet, unless the filter wants something else.
    var isStrangers = false

    /// Whether a dial for this wish tries whatever one for another would.
    func covers(_ other: DialWish) -> Bool {
        other.addresses.allSatisfy(addresses.contains) && (patience == .now || other.patience == .afterBackoff)
            && (filter == .any || filter == other.filter) && (!isStrangers || other.isStrangers)
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
