import KademliaDHT
import Multiformats
import WireCodec

/// What one party with many identities does to a network.
public enum Attack: String, CaseIterable, Sendable {
    /// Its answers name honest peers where they are not: on the asker's own machine, in its local network, and nowhere.
    case forgedAddresses
    /// It asks for values again and again, and puts ones that are not valid.
    case valueFloods
    /// It is the first to come to a node that has just begun again, with all it has.
    case captureAtRestart
    /// It answers once, and is gone.
    case answeringAndLeaving
    /// It fills the list of each key with providers of its own.
    case equalProviders
    /// It names the provider that is looked for at eight addresses where it is not.
    case firstAddresses
    /// It says that it serves, and resets every request.
    case claimingAndResetting
    /// It says that many are where a victim is.
    case reflection
}

/// One party's identities: they have no machines of their own, and know everybody.
struct Attackers {
    enum Answer {
        case message(KademliaMessage)
        case reset
        case silence
    }

    let range: Range<Int>
    let attacks: Set<Attack>
    private let population: Population
    private let members: [Placed<Int>]
    private let honest: [Placed<Int>]

    /// Where the victim of reflection is: /ip4/45.45.45.45/tcp/4001.
    static let victim: [UInt8] = [0x04, 45, 45, 45, 45, 0x06, 0x0f, 0xa1]

    init(_ range: Range<Int>, _ attacks: Set<Attack>, of population: Population) {
        self.range = range
        self.attacks = attacks
        self.population = population
        func sorted(_ numbers: Range<Int>) -> [Placed<Int>] {
            numbers.map { Placed(key: population.keys[$0], element: $0) }.sorted { $0.key < $1.key }
        }
        members = sorted(range)
        honest = sorted(0..<range.lowerBound)
    }

    func answer(_ message: KademliaMessage, by number: Int, provider: Int?) -> Answer {
        // With all attacks at once half of the identities do this.
        if attacks.contains(.claimingAndResetting), attacks.count == 1 || number % 2 == 0 { return .reset }
        var answer = KademliaMessage(kind: message.kind, key: message.key)
        answer.closerPeers = Adversary.closest(members, to: kademliaKey(of: message.key)).prefix(10).map {
            population.named($0)
        }
        for (index, number) in Adversary.closest(honest, to: kademliaKey(of: message.key)).prefix(10).enumerated() {
            var peer = population.named(number)
            if attacks.contains(.reflection) {
                peer.addresses = [Self.victim]
            } else if attacks.contains(.forgedAddresses) {
                peer.addresses = [Self.forged[index % Self.forged.count]]
            }
            answer.closerPeers.append(peer)
        }
        if message.kind == .getProviders {
            if attacks.contains(.equalProviders) { answer.providerPeers = Array(answer.closerPeers.prefix(10)) }
            if attacks.contains(.firstAddresses), let provider {
                var peer = population.named(provider)
                peer.addresses = (1...8).map { [0x04, 0x70, 1, 1, UInt8($0), 0x06, 0x0f, 0xa1] }
                answer.providerPeers.append(peer)
            }
        }
        if message.kind == .getValue, attacks.contains(.valueFloods) {
            answer.record = KademliaMessage.Record(key: message.key, value: CounterRules.value(9, "bad"))
        }
        if message.kind == .putValue { answer.record = message.record }
        return .message(answer)
    }

    /// Loopback, a local network, a low port, nobody.
    private static let forged: [[UInt8]] = [
        [0x04, 127, 0, 0, 1, 0x06, 0x0f, 0xa1], [0x04, 192, 168, 1, 1, 0x06, 0x0f, 0xa1],
        [0x04, 112, 1, 1, 1, 0x06, 0x00, 22], [0x04, 112, 1, 1, 1, 0x06, 0x0f, 0xa1],
    ]

    private func kademliaKey(of key: [UInt8]) -> KademliaKey { KademliaKey(digest: population.hash(key)) }

    /// The honest nodes closest to a key.
    func closestHonest(_ key: [UInt8]) -> [Int] { Adversary.closest(honest, to: kademliaKey(of: key)) }
}
