/// How the room of a store is shared out among the peers that fill it: among networks, and in each among its members.
///
/// When the store is full, the network with the largest share gives way, and in it the member with the largest, never a
/// smaller one: so a flood pushes out its own records. Of equals any gives way, so that a newcomer always has a
/// chance, however the store was filled.
struct SourceShares: Sendable {
    private var networks = Shares<RecordSource.Party>()
    private var members: [RecordSource.Party: Shares<RecordSource.Party>] = [:]

    var weight: Int { networks.weight }

    func weight(ofNetwork network: RecordSource.Party) -> Int { networks.weight(of: network) }

    mutating func add(
        _ record: UInt64, weight: Int, of source: RecordSource, using generator: inout SeededGenerator
    ) {
        networks.add(record, weight: weight, of: source.network, using: &generator)
        members[source.network, default: Shares()].add(record, weight: weight, of: source.member, using: &generator)
    }

    /// Takes back what ``add(_:weight:of:using:)`` added. `isLive` must already say no for the record.
    mutating func remove(weight: Int, of source: RecordSource, isLive: (UInt64) -> Bool) {
        networks.remove(weight: weight, of: source.network, isLive: isLive)
        members[source.network]?.remove(weight: weight, of: source.member, isLive: isLive)
        if members[source.network]?.isEmpty == true { members[source.network] = nil }
    }

    /// The record that gives way to one of so much weight when the store is full; nil when nobody has as much as the
    /// newcomer's network would have.
    mutating func victim(
        for source: RecordSource, weight added: Int, using generator: inout SeededGenerator, isLive: (UInt64) -> Bool
    ) -> UInt64? {
        let own = networks.weight(of: source.network) + added
        guard let heaviest = networks.heaviest, heaviest != source.network, networks.weight(of: heaviest) >= own else {
            return victim(inNetworkOf: source, weight: added, using: &generator, isLive: isLive)
        }
        return members[heaviest]?.heaviest.flatMap { member in
            members[heaviest]?.any(of: member, using: &generator, isLive: isLive)
        }
    }

    /// The record of the newcomer's own network that gives way to it: of a member that has as much as the newcomer would
    /// have, else of the newcomer itself.
    mutating func victim(
        inNetworkOf source: RecordSource, weight added: Int, using generator: inout SeededGenerator,
        isLive: (UInt64) -> Bool
    ) -> UInt64? {
        guard let shares = members[source.network], let heaviest = shares.heaviest else { return nil }
        let own = shares.weight(of: source.member) + added
        let member = shares.weight(of: heaviest) >= own ? heaviest : source.member
        return members[source.network]?.any(of: member, using: &generator, isLive: isLive)
    }
}
