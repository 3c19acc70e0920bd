import CodecSamples
import KademliaDHT
import Multiformats
import WireCodec

extension CountedCase {
    /// A DHT node that knows a hundred servers, asked for the closest ones to a key.
    static var lookups: [CountedCase] {
        [
            CountedCase("answer FIND_NODE") {
                let contacts = try (0...100).map { try Self.contact(UInt8($0)) }
                var node = Self.server(knowing: contacts)
                let asker = contacts[1]
                let question = KademliaMessage(kind: .findNode, key: Samples.bytes(34, 5))
                return {
                    let effects = node.handle(
                        .request(Kademlia.InboundID(1), from: asker.peer, address: asker.addresses.first, question),
                        at: Self.now)
                    guard case .reply(_, let answer)? = effects.first, answer.closerPeers.count == 20 else {
                        throw Failure("FIND_NODE: expected an answer with 20 peers, found \(effects)")
                    }
                }
            }
        ]
    }

    private static let now = Kademlia.Now(monotonic: .seconds(1), wallMilliseconds: 1_800_000_000_000)

    /// The first of the contacts, as a node that has asked all others whether they are there.
    private static func server(knowing contacts: [Kademlia.Contact]) -> Kademlia {
        var configuration = Kademlia.Configuration()
        configuration.mode = .server
        configuration.bootstrapsAutomatically = false
        var node = Kademlia(local: contacts[0].peer, configuration: configuration, seed: 7, hash: Self.digest)
        for contact in contacts.dropFirst() {
            let input = Kademlia.Input.identified(contact.peer, addresses: contact.addresses, isServer: true)
            for case .send(let request) in node.handle(input, at: Self.now) {
                let answer = KademliaMessage(kind: request.message.kind)
                _ = node.handle(.response(request.id, answer, remote: contact.addresses.first), at: Self.now)
            }
        }
        return node
    }

    /// A peer in a network of its own, since a routing table takes few of each.
    private static func contact(_ number: UInt8) throws -> Kademlia.Contact {
        Kademlia.Contact(
            peer: try PeerID(bytes: [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + Samples.bytes(32, number)),
            addresses: [try Multiaddr("/ip4/\(number + 1).1.1.1/tcp/4001")])
    }

    /// In the place of SHA-256, whose instructions are not the machine's: spreads keys as well as it needs here.
    @Sendable private static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return (0..<32).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 32)
        }
    }
}
