import KademliaDHT
import Multiformats
import WireCodec

/// A network inside one process, without delays: what a node sends arrives at once.
struct Network {
    var nodes: [PeerID: Kademlia] = [:]
    var addresses: [PeerID: Multiaddr] = [:]
    var outcomes: [Kademlia.OperationID: Kademlia.Outcome] = [:]
    let now = Kademlia.Now(monotonic: .zero, wallMilliseconds: 1_800_000_000_000)

    /// Tells a node what happened, and does what it asks for; returns its answer, if it was asked something.
    @discardableResult
    mutating func tell(_ peer: PeerID, _ input: Kademlia.Input) -> KademliaMessage? {
        var answer: KademliaMessage?
        for effect in nodes[peer]?.handle(input, at: now) ?? [] {
            switch effect {
            case .send(let request):
                deliver(request, from: peer)
            case .reply(_, let message):
                answer = message
            case .noReply, .refuse:
                answer = nil
            case .check(let check):
                // This network has no rules of values.
                answer = tell(peer, .checked(check.id, check.carryOut(by: [:], wallMilliseconds: now.wallMilliseconds)))
            case .progress(_, let providers):
                print("found \(providers.map(\.peer))")
            case .completed(let operation, let outcome):
                outcomes[operation] = outcome
            case .statusChanged(let status):
                print("\(peer) knows \(status.routingTableSize) servers, ready: \(status.isReady)")
            case .measured(let report):
                print("\(report.requests) requests, \(report.hops) hops")
            }
        }
        return answer
    }

    mutating func deliver(_ request: Kademlia.Request, from peer: PeerID) {
        tell(peer, .started(request.id))
        guard nodes[request.peer] != nil else {
            tell(peer, .requestFailed(request.id, .unreachable))
            return
        }
        let name = Kademlia.InboundID(request.id.rawValue)
        let answer = tell(request.peer, .request(name, from: peer, address: addresses[peer], request.message))
        if !request.expectsReply {
            tell(peer, .sent(request.id))
        } else if let answer {
            tell(peer, .response(request.id, answer, remote: addresses[request.peer]))
        } else {
            tell(peer, .requestFailed(request.id, .reset))
        }
    }
}

/// Stands in for SHA-256, which a program has from its library of cryptography.
@Sendable func digest(_ bytes: [UInt8]) -> [UInt8] {
    (0..<4).flatMap { part -> [UInt8] in
        var state: UInt64 = 0xcbf2_9ce4_8422_2325 &+ UInt64(part)
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        state = (state ^ state >> 31) &* 0x94d0_49bb_1331_11eb
        return (0..<8).map { UInt8(truncatingIfNeeded: state >> UInt64(8 * $0)) }
    }
}

func peer(_ number: UInt8) throws -> PeerID {
    try PeerID(bytes: [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + [UInt8](repeating: number, count: 32))
}

func findEachOther() throws -> Kademlia.Outcome? {
    var network = Network()
    let first = Kademlia.Contact(peer: try peer(1), addresses: [try Multiaddr("/ip4/192.0.2.1/tcp/4001")])
    for number in 1...30 as ClosedRange<UInt8> {
        let peer = try peer(number)
        let address = try Multiaddr("/ip4/192.0.\(number + 1).1/tcp/4001")
        var configuration = Kademlia.Configuration()
        configuration.mode = .server
        configuration.bootstrapPeers = number == 1 ? [] : [first]
        network.nodes[peer] = Kademlia(
            local: peer, configuration: configuration, seed: .random(in: 0...(.max)), hash: digest)
        network.addresses[peer] = address
        network.tell(peer, .localAddresses([address]))
        // The first peer hears by identify that somebody came.
        if number > 1 { network.tell(first.peer, .identified(peer, addresses: [address], isServer: true)) }
    }

    let key: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 0x2a, count: 32)
    network.tell(try peer(7), .start(Kademlia.OperationID(1), .provide(key, for: .seconds(3_600))))
    network.tell(try peer(23), .start(Kademlia.OperationID(2), .findProviders(key, limit: 20)))
    return network.outcomes[Kademlia.OperationID(2)]
}

let outcome = try findEachOther()
let expected = try peer(7)
guard case .providers(let found)? = outcome, let provider = found.first, provider.peer == expected else {
    preconditionFailure("not found: \(String(describing: outcome))")
}
print("\(provider.peer) provides it, at \(provider.addresses)")
