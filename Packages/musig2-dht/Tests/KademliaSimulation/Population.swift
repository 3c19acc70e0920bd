public import KademliaDHT
public import Multiformats
import WireCodec

/// The peers of a simulation: ids, addresses and keys by number, the same for the same seed.
public struct Population: Sendable {
    public let contacts: [Kademlia.Contact]
    public let keys: [KademliaKey]
    public let hash: Kademlia.Hash
    private let index: Index
    let binaryAddresses: [[[UInt8]]]

    /// Makes peers, each in a network of its own; the last ones may be of one party, which has so many networks.
    public init(_ count: Int, seed: UInt64, attackers: Int = 0, networks: Int = 1) throws {
        var generator = SeededGenerator(seed: seed)
        var contacts: [Kademlia.Contact] = []
        var index = Index()
        for number in 0..<count {
            let peer = try PeerID(bytes: Self.id(generator.bytes(28), number: UInt32(number)))
            var host = IPv4Address(0x5000_0000 + UInt32(number) << 8 + 7)
            if number >= count - attackers {
                let member = UInt32(number - (count - attackers))
                host = IPv4Address(0x3000_0000 + (member % UInt32(networks)) << 8 + member / UInt32(networks) + 1)
            }
            contacts.append(Kademlia.Contact(peer: peer, addresses: [try Multiaddr([.ip4(host), .tcp(4_001)])]))
            index.add(peer.bytes)
        }
        let complete = index
        hash = { complete.digest($0) ?? SHA256.hash($0) }
        self.contacts = contacts
        self.index = complete
        keys = contacts.map { KademliaKey(digest: SHA256.hash($0.peer.bytes)) }
        binaryAddresses = contacts.map { $0.addresses.map(\.bytes) }
    }

    /// The id of a key of 32 bytes, of which the last four tell the number; no peer has the number 2^32 - 1.
    static func id(_ random: [UInt8], number: UInt32) -> [UInt8] {
        let end = (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
        return [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + random + end
    }

    /// The number of a peer.
    public func number(_ peer: PeerID) -> Int? { index.number(peer.bytes) }

    func named(_ number: Int) -> KademliaMessage.Peer {
        KademliaMessage.Peer(id: contacts[number].peer.bytes, addresses: binaryAddresses[number], connection: 0)
    }
}

/// Ids with their digests, so that each is hashed once. An id ends with its number, which finds it without a search.
private struct Index: Sendable {
    private var digests: [[UInt8]] = []

    mutating func add(_ id: [UInt8]) { digests.append(SHA256.hash(id)) }

    func number(_ id: [UInt8]) -> Int? {
        guard id.count == 38 else { return nil }
        let number = Int(id.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 34, as: UInt32.self) }.littleEndian)
        return number < digests.count ? number : nil
    }

    func digest(_ id: [UInt8]) -> [UInt8]? { number(id).map { digests[$0] } }
}

/// Values of the form `counter.anything`, where the higher counter is better; those that begin with `bad` are not valid.
public struct CounterRules: RecordRules {
    public init() {}

    public static func value(_ counter: UInt8, _ text: String) -> [UInt8] { [counter] + Array(text.utf8) }

    public func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool {
        value.count > 1 && !value.dropFirst().starts(with: Array("bad".utf8))
    }

    public func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool {
        (left.first ?? 0) > (right.first ?? 0)
    }
}
