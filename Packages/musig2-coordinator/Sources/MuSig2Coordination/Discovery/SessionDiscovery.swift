public import PeerTransport

/// Carries one ``DiscoveryMethod``: makes keys known, and looks them up. A DHT does, and so can a relay, a bulletin board or a list that
/// somebody keeps.
///
/// The coordinator decides what is published, for how long and when again, what is looked up, and which of those found it asks; a
/// discovery only carries that. Nothing it says is believed: what it finds are hints, and only signatures make a member.
///
/// The coordinator limits the time of each call by cancelling its task, and calls again after a failure.
public protocol SessionDiscovery: Sendable {
    /// The method it carries. A coordinator has at most one discovery for each.
    var method: DiscoveryMethod { get }

    /// Makes known that this peer can show what belongs to a key, and goes on doing so until the lifetime is over or the key is
    /// withdrawn. A later call for the same key, with other addresses of this peer or another announcement, replaces it.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - announcement: For a public method the signed announcement, to be published as it is; nil otherwise.
    ///   - lifetime: How long from now it is of use.
    /// - Throws: `TransportError` when nobody took it.
    func publish(
        _ key: DiscoveryKey, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError)

    /// Stops making a key known. What was given out cannot be called back; it runs out. Returns soon.
    ///
    /// - Parameter key: Where.
    func withdraw(_ key: DiscoveryKey) async

    /// Looks a key up.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - limit: The most hints that are of use.
    /// - Returns: What was found; empty when there was nothing.
    /// - Throws: `TransportError` when the search itself was not possible.
    func find(_ key: DiscoveryKey, limit: Int) async throws(TransportError) -> [DiscoveryHint]
}

/// What a ``SessionDiscovery`` found. Nothing in it is proven.
public enum DiscoveryHint: Sendable, Hashable {
    /// A peer that may show what belongs to the key, with what is known of its addresses.
    case provider(DiscoveredPeer)
    /// What may be the signed announcement of the session, as bytes.
    case announcement([UInt8])
}

extension [any SessionDiscovery] {
    /// The methods of a DHT: rendezvous and inbox through its providers, and record through its values.
    ///
    /// - Parameters:
    ///   - peers: The providers; nil: neither rendezvous nor inbox.
    ///   - values: The values; nil: no records.
    ///   - namespace: The namespace of the records.
    /// - Returns: A discovery for each method.
    public static func dht(
        peers: (any PeerDiscovery)?,
        values: (any ValueDiscovery)? = nil,
        namespace: String = RecordName.defaultNamespace
    ) -> [any SessionDiscovery] {
        var methods: [any SessionDiscovery] = []
        if let peers { methods += [RendezvousDiscovery(peers), InboxDiscovery(peers)] as [any SessionDiscovery] }
        if let values { methods.append(RecordDiscovery(values, namespace: namespace)) }
        return methods
    }
}
