import KademliaDHT
import Multiformats
import WireCodec

extension FuzzTarget {
    /// What a node of a DHT is asked and told by others.
    static let kademlia: [FuzzTarget] = [
        // Whatever is asked, there is one answer or refusal, and others can read the answer.
        FuzzTarget("kademlia-request", seeds: requests.map { $0.encoded() }) { bytes in
            guard let message = try? KademliaMessage(decoding: bytes), let asker = contacts.last else { return }
            var node = server
            for _ in 0..<2 {
                var effects = node.handle(
                    .request(Kademlia.InboundID(7), from: asker.peer, address: asker.addresses.first, message), at: now)
                var answers = 0
                while let effect = effects.popLast() {
                    switch effect {
                    case .check(let check): effects += node.handle(carryOut(check), at: now)
                    case .reply(_, let reply):
                        answers += 1
                        let encoded = reply.encoded()
                        check((try? KademliaMessage(decoding: encoded)) == reply, "an answer cannot be read")
                    case .noReply, .refuse: answers += 1
                    default: break
                    }
                }
                check(answers == 1, "a request has \(answers) answers")
            }
        },
        // Whatever all servers answer, a lookup ends, and has not asked more than it may.
        FuzzTarget("kademlia-answer", seeds: answers.map { $0.encoded() }) { bytes in
            guard let message = try? KademliaMessage(decoding: bytes) else { return }
            let operation = operations[bytes.count % operations.count]
            var node = server
            var queue = node.handle(.start(Kademlia.OperationID(1), operation), at: now)
            var asked = 0
            var isOver = false
            while let effect = queue.popLast() {
                switch effect {
                case .send(let request):
                    asked += 1
                    check(asked < 1_000, "a lookup does not end")
                    let input: Kademlia.Input =
                        request.expectsReply
                        ? .response(request.id, message, remote: request.addresses.first) : .sent(request.id)
                    queue += node.handle(input, at: now)
                case .check(let check): queue += node.handle(carryOut(check), at: now)
                case .completed: isOver = true
                default: break
                }
            }
            check(isOver, "an operation hangs")
        },
    ]

    private static func carryOut(_ check: Kademlia.Check) -> Kademlia.Input {
        .checked(check.id, check.carryOut(by: namespaces, wallMilliseconds: now.wallMilliseconds))
    }

    private static let now = Kademlia.Now(monotonic: .seconds(1), wallMilliseconds: 1_795_000_000_000)

    /// Stands in for SHA-256: the machine does not care which function it is.
    private static let hash: Kademlia.Hash = { bytes in
        (0..<4).flatMap { part -> [UInt8] in
            var state: UInt64 = 0xcbf2_9ce4_8422_2325 &+ UInt64(part)
            for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            state = (state ^ state >> 31) &* 0x94d0_49bb_1331_11eb
            return (0..<8).map { UInt8(truncatingIfNeeded: state >> UInt64(8 * $0)) }
        }
    }

    private static let contacts: [Kademlia.Contact] = (1...5).compactMap { number in
        let id: [UInt8] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + [UInt8](repeating: UInt8(number), count: 32)
        guard let peer = try? PeerID(bytes: id), let address = try? Multiaddr("/ip4/192.0.\(number).1/tcp/4001") else {
            return nil
        }
        return Kademlia.Contact(peer: peer, addresses: [address])
    }

    /// A server that knows some others; the last of them has not been met.
    private static let server: Kademlia = {
        var configuration = Kademlia.Configuration()
        configuration.mode = .server
        configuration.retries = 0
        var node = Kademlia(
            local: contacts[0].peer, configuration: configuration, seed: 1, hash: hash,
            namespaces: namespaces)
        _ = node.handle(.localAddresses(contacts[0].addresses), at: now)
        for contact in contacts.dropFirst().dropLast() {
            var effects = node.handle(
                .identified(contact.peer, addresses: contact.addresses, isServer: true), at: now)
            while let effect = effects.popLast() {
                guard case .send(let request) = effect else { continue }
                effects += node.handle(
                    .response(request.id, KademliaMessage(kind: .findNode), remote: contact.addresses.first), at: now)
            }
        }
        return node
    }()

    private static let namespaces: [String: any RecordRules] = ["pk": PublicKeyRules(hash: hash), "any": AnyValue()]

    private struct AnyValue: RecordRules {
        func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool { true }
        func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool {
            right.lexicographicallyPrecedes(left)
        }
    }

    private static let name = Array("/any/x".utf8)

    private static let operations: [Kademlia.Operation] = [
        .findPeer(contacts[4].peer), .closestPeers([1]), .findProviders([1], limit: 20),
        .provide([1], for: .seconds(60)),
        .putValue(name, value: [1], for: .seconds(60)), .getValue(name, quorum: 0), .getValue(name, quorum: 1),
    ]

    private static func named(_ contact: Kademlia.Contact) -> KademliaMessage.Peer {
        KademliaMessage.Peer(id: contact.peer.bytes, addresses: contact.addresses.map(\.bytes), connection: 1)
    }

    private static let requests: [KademliaMessage] = [
        KademliaMessage(kind: .findNode, key: contacts[2].peer.bytes),
        KademliaMessage(kind: .addProvider, key: [1], providerPeers: contacts.suffix(1).map(named)),
        KademliaMessage(kind: .getProviders, key: [1]),
        KademliaMessage(kind: .putValue, key: name, record: KademliaMessage.Record(key: name, value: [7])),
        KademliaMessage(kind: .getValue, key: name),
        KademliaMessage(kind: .ping),
    ]

    private static let answers: [KademliaMessage] = [
        KademliaMessage(kind: .findNode, closerPeers: contacts.map(named)),
        KademliaMessage(
            kind: .getProviders, key: [1], closerPeers: contacts.suffix(2).map(named),
            providerPeers: contacts.map(named)),
        KademliaMessage(
            kind: .getValue, key: name,
            record: KademliaMessage.Record(key: name, value: [7], timeReceived: "2026-11-26T00:00:00.5Z"),
            closerPeers: contacts.suffix(1).map(named)),
    ]
}
