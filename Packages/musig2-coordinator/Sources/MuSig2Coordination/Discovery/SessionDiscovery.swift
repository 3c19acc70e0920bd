public import PeerTransport

/// Carries one ``DiscoveryWay``: makes places known, and looks them up. A DHT does, and so can a relay, a bulletin board or a list that
/// somebody keeps.
///
/// The coordinator decides what is published, for how long and when again, what is looked up, and whom of those found it asks; a
/// discovery only carries that. Nothing it says is believed: what it finds are hints, and only signatures make a member.
///
/// The coordinator limits the time of each call by cancelling its task, and calls again after a failure.
public protocol SessionDiscovery: Sendable {
    /// The way it carries. A coordinator has at most one discovery for each way.
    var way: DiscoveryWay { get }

    /// Makes known that this peer can show what belongs to a place, and goes on doing so until the lifetime is over or the place is
    /// withdrawn. A later call for the same place, with other addresses of this peer or another announcement, replaces it.
    ///
    /// - Parameters:
    ///   - place: Where.
    ///   - announcement: For a public way the signed announcement, to be published as it is; nil otherwise.
    ///   - lifetime: How long from now it is of use.
    /// - Throws: `TransportError` when nobody took it.
    func publish(
        _ place: DiscoveryPlace, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError)

    /// Stops making a place known. What was given out cannot be called back; it runs out. Returns soon.
    ///
    /// - Parameter place: Where.
    func withdraw(_ place: DiscoveryPlace) async

    /// Looks a place up.
    ///
    /// - Parameters:
    ///   - place: Where.
    ///   - limit: The most hints that are of use.
    /// - Returns: What was found; empty when there was nothing.
    /// - Throws: `TransportError` when the search itself was not possible.
    func find(_ place: DiscoveryPlace, limit: Int) async throws(TransportError) -> [DiscoveryHint]
}

/// What a ``SessionDiscovery`` found. Nothing in it is proven.
public enum DiscoveryHint: Sendable, Hashable {
    /// A peer that may show what belongs to the place, with what is known of its addresses.
    case provider(DiscoveredPeer)
    /// What may be the signed announcement of the session, as bytes.
    case announcement([UInt8])
}

extension [any SessionDiscovery] {
    /// The ways of a DHT: rendezvous and inbox through its providers, and record through its values.
    ///
    /// - Parameters:
    ///   - peers: The providers; nil: neither rendezvous nor inbox.
    ///   - values: The values; nil: no records.
    ///   - namespace: The namespace of the records.
    /// - Returns: A discovery for each way.
    public static func dht(
        peers: (any PeerDiscovery)?,
        values: (any ValueDiscovery)? = nil,
        namespace: String = RecordName.defaultNamespace
    ) -> [any SessionDiscovery] {
        var ways: [any SessionDiscovery] = []
        if let peers { ways += [RendezvousDiscovery(peers), InboxDiscovery(peers)] as [any SessionDiscovery] }
        if let values { ways.append(RecordDiscovery(values, namespace: namespace)) }
        return ways
    }
}
