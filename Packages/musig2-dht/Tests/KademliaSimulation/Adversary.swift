import KademliaDHT
import WireCodec

/// What hostile nodes do once they have found their place in the network. They know each other.
public enum Hostility: CaseIterable, Sendable {
    /// They name only each other: the closest of them.
    case namesOnlyHostile
    /// They name 20 peers that do not exist, closer to the key than any that does.
    case forgesIDs
    /// They name honest peers, at addresses where nobody answers.
    case wrongAddresses
    /// They do not answer.
    case silent
    /// They name others as honest ones do, but return values that are invalid or old, and providers that are none.
    case badValues
}

/// Something at a place in the key space.
struct Placed<Element> {
    let key: KademliaKey
    let element: Element
}

/// The answers of hostile nodes.
struct Adversary {
    let hostility: Hostility
    private let population: Population
    /// Hostile nodes by place.
    private let members: [Placed<Int>]
    /// Ids that nobody has, by place: so many that some are close to any key.
    private let forged: [Placed<KademliaMessage.Peer>]

    init(_ hostility: Hostility, members: [Int], of population: Population, seed: UInt64) {
        self.hostility = hostility
        self.population = population
        self.members = members.map { Placed(key: population.keys[$0], element: $0) }.sorted { $0.key < $1.key }
        var forged: [Placed<KademliaMessage.Peer>] = []
        if hostility == .forgesIDs {
            var generator = SeededGenerator(seed: ~seed)
            for number in 0..<(population.contacts.count * 8) {
                let id = Population.id(generator.bytes(28), number: .max)
                forged.append(
                    Placed(
                        key: KademliaKey(digest: SHA256.hash(id)),
                        element: KademliaMessage.Peer(id: id, addresses: [Self.nowhere(number)], connection: 0)))
            }
            forged.sort { $0.key < $1.key }
        }
        self.forged = forged
    }

    /// The answer to a request; nil for none. `honest` is what an honest node in this place would answer.
    func answer(_ message: KademliaMessage, honest: KademliaMessage?) -> KademliaMessage? {
        switch hostility {
        case .silent: return nil
        case .namesOnlyHostile:
            return KademliaMessage(kind: message.kind, key: message.key, closerPeers: closestMembers(message.key))
        case .forgesIDs:
            let target = KademliaKey(digest: population.hash(message.key))
            let peers = Self.closest(forged, to: target)
            return KademliaMessage(kind: message.kind, key: message.key, closerPeers: peers)
        case .wrongAddresses:
            guard var answer = honest else { return nil }
            for index in answer.closerPeers.indices { answer.closerPeers[index].addresses = [Self.nowhere(index)] }
            answer.record = nil
            answer.providerPeers = []
            return answer
        case .badValues:
            guard var answer = honest else { return nil }
            if message.kind == .getProviders { answer.providerPeers = closestMembers(message.key) }
            if message.kind == .getValue {
                let value =
                    message.key.last.map { $0 % 2 } == 0 ? CounterRules.value(9, "bad") : CounterRules.value(1, "old")
                answer.record = KademliaMessage.Record(key: message.key, value: value)
            }
            return answer
        }
    }

    /// /ip4/112.x.y.z/tcp/4001: nobody is there.
    private static func nowhere(_ number: Int) -> [UInt8] {
        [0x04, 0x70, UInt8(number >> 8 & 255), UInt8(number & 255), 1, 0x06, 0x0f, 0xa1]
    }

    private func closestMembers(_ key: [UInt8]) -> [KademliaMessage.Peer] {
        Self.closest(members, to: KademliaKey(digest: population.hash(key))).map { population.named($0) }
    }

    /// The 20 closest by exclusive or lie in the smallest range of a common prefix that holds 20, and its neighbours.
    static func closest<Element>(
        _ sorted: [Placed<Element>], to target: KademliaKey
    ) -> [Element] {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].key < target { low = middle + 1 } else { high = middle }
        }
        let around = sorted[max(0, low - 64)..<min(sorted.count, low + 64)]
        return around.sorted { $0.key ^ target < $1.key ^ target }.prefix(20).map(\.element)
    }
}
