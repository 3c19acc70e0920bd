import Multiformats
import PeerTransport

/// The listeners of a node, and what its observers know of their addresses.
struct ListenState {
    private var listeners: [any Listener] = []
    /// What observers were told last.
    private var lastAddresses: [Multiaddr] = []
    /// Looks whether that still holds.
    private var addressWatch: Task<Void, Never>?

    var addresses: [Multiaddr] { listeners.flatMap(\.addresses) }

    mutating func add(_ more: [any Listener]) { listeners += more }

    /// Observers are told these addresses.
    ///
    /// - Returns: Whether they were told other ones before.
    @discardableResult
    mutating func tell(_ addresses: [Multiaddr]) -> Bool {
        guard lastAddresses != addresses else { return false }
        lastAddresses = addresses
        return true
    }

    /// Starts the watch over the addresses, unless there is one.
    mutating func watch(by start: () -> Task<Void, Never>) {
        if addressWatch == nil { addressWatch = start() }
    }

    /// Ends the watch and forgets the listeners.
    ///
    /// - Returns: The listeners, for the caller to close.
    mutating func close() -> [any Listener] {
        addressWatch?.cancel()
        defer { listeners = [] }
        return listeners
    }
}
