import KademliaSimulation
import Multiformats
import Testing
import WireCodec

@testable import KademliaDHT

/// R19: the first answer lies about where a peer is.
@Suite("R19: a first answer that lies about where a peer is")
struct R19AddressVoteTests {
    private let key: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)
    private let truth = "/ip4/9.9.9.9/tcp/4001"

    private func lies(_ liar: Int, _ count: Int) throws -> [[UInt8]] {
        try (1...count).map { try Multiaddr("/ip4/66.\(liar).\($0).1/tcp/4001").bytes }
    }

    private func place(_ found: [Multiaddr]) -> Int? { found.map(\.description).firstIndex(of: truth) }

    /// Of twenty servers the first ones to answer name eight addresses each that are none.
    @Test(arguments: [1, 2, 5]) func r19AProvidersTrueAddressIsFound(liars: Int) throws {
        let node = try Harness(mode: .client)
        node.admit(1...20)
        let real = try Multiaddr(truth).bytes
        var answered = 0
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .findProviders(key, limit: 10)))) { request in
            guard request.message.kind == .getProviders, let number = node.population.number(request.peer) else {
                return KademliaMessage(kind: request.message.kind)
            }
            answered += 1
            let named = answered <= liars ? (try? lies(number, 8)) ?? [] : [real]
            return KademliaMessage(
                kind: .getProviders,
                providerPeers: [KademliaMessage.Peer(id: node.peer(100).bytes, addresses: named)])
        }
        guard case .providers(let found)? = effects.outcome, let provider = found.first else {
            Issue.record("\(String(describing: effects.outcome))")
            return
        }
        #expect(answered > 2 * liars)
        #expect(provider.addresses.count <= 8)
        #expect(place(provider.addresses) == 0, "\(provider.addresses)")
    }

    /// The same for a peer that is looked for by name.
    @Test(arguments: [1, 2]) func r19APeersTrueAddressIsFound(liars: Int) throws {
        let node = try Harness(mode: .client)
        node.admit(1...20)
        let real = try Multiaddr(truth).bytes
        var answered = 0
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .findPeer(node.peer(100))))) { request in
            guard let number = node.population.number(request.peer), number != 100 else { return nil }
            answered += 1
            let named = answered <= liars ? (try? lies(number, 8)) ?? [] : [real]
            return KademliaMessage(
                kind: .findNode, closerPeers: [KademliaMessage.Peer(id: node.peer(100).bytes, addresses: named)])
        }
        guard case .peer(let contact?, false)? = effects.outcome else {
            Issue.record("\(String(describing: effects.outcome))")
            return
        }
        #expect(place(contact.addresses) == 0, "\(contact.addresses)")
    }

    /// Where the servers disagree, each of several has its say: one does not fill the list with what it names.
    @Test func r19EachServerHasItsSay() throws {
        let node = try Harness(mode: .client)
        node.admit(1...4)
        let effects = node.run(node.tell(.start(Kademlia.OperationID(1), .findProviders(key, limit: 10)))) { request in
            guard request.message.kind == .getProviders, let number = node.population.number(request.peer) else {
                return KademliaMessage(kind: request.message.kind)
            }
            let named = (try? lies(number, 8)) ?? []
            return KademliaMessage(
                kind: .getProviders,
                providerPeers: [KademliaMessage.Peer(id: node.peer(100).bytes, addresses: named)])
        }
        guard case .providers(let found)? = effects.outcome, let provider = found.first else {
            Issue.record("\(String(describing: effects.outcome))")
            return
        }
        #expect(Set(provider.addresses.map { "\($0)".split(separator: ".")[1] }).count == 4)
    }
}
