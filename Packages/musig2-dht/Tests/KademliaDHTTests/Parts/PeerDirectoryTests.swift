import KademliaSimulation
import Multiformats
import Testing

@testable import KademliaDHT

@Suite("The peers that a node knows")
struct PeerDirectoryTests {
    private let population = Result { try Population(8, seed: 9) }

    private func directory(
        _ change: (inout Kademlia.Configuration) -> Void = { _ in }
    ) throws -> (PeerDirectory, Population) {
        let population = try population.get()
        var configuration = Kademlia.Configuration()
        change(&configuration)
        return (PeerDirectory(population.contacts[0].peer, configuration, hash: population.hash), population)
    }

    /// Lets a server come, and answer its probe if that is asked for.
    private func admit(_ number: Int, of population: Population, to peers: inout PeerDirectory) throws {
        let contact = population.contacts[number]
        peers.identified(contact.peer, contact.addresses, isServer: true, at: contact.addresses[0])
        let next = peers.nextProbe()
        let probe = try #require(next)
        let request = PendingRequest(
            peer: probe.peer, key: probe.key, addresses: probe.addresses, purpose: .probe)
        peers.answered(request, from: contact.addresses[0], isGuest: false, at: .seconds(1))
        peers.probeEnded(probe.key)
    }

    @Test func aServerIsAdmittedWhenItHasAnswered() throws {
        var (peers, population) = try directory()
        let (contact, key) = (population.contacts[1], population.keys[1])
        peers.identified(contact.peer, contact.addresses, isServer: true, at: nil)
        #expect(peers.table.count == 0 && peers.probes.waiting.map(\.key) == [key] && peers.isConnected(key))
        try admit(1, of: population, to: &peers)
        #expect(peers.isLive(key) && peers.knownAddresses(key) == contact.addresses.map(\.bytes))
        #expect(peers.seeds(key, avoidingGuests: true).map(\.key) == [key])
        peers.identified(contact.peer, contact.addresses, isServer: false, at: nil)
        #expect(peers.table.count == 0 && peers.isConnected(key))
        peers.disconnected(contact.peer)
        #expect(!peers.isConnected(key) && peers.knownAddresses(key).isEmpty)
    }

    @Test func aFailureCountsWhenOthersAreHeard() throws {
        var (peers, population) = try directory()
        try admit(1, of: population, to: &peers)
        var requests = PendingRequests()
        let id = requests.add(
            PendingRequest(
                peer: population.contacts[1].peer, key: population.keys[1], addresses: PeerAddresses(),
                purpose: .correction))
        _ = requests.start(id, at: .seconds(5))
        let request = try #require(requests[id])
        for _ in 0..<3 { peers.failed(request, .timedOut) }
        #expect(peers.table.count == 1 && !peers.isLive(population.keys[1]), "nobody was heard since")
        peers.heard(at: .seconds(6))
        peers.failed(request, .timedOut)
        #expect(peers.table.count == 0)
    }

    @Test func ownAddressesSettleOnce() throws {
        var (peers, population) = try directory { $0.addressSettling = .seconds(5) }
        let addresses = population.contacts[0].addresses
        let changes = (0..<2).map { _ in peers.setLocalAddresses(addresses, at: .zero) }
        #expect(changes == [true, false] && peers.localAddresses == addresses.map(\.bytes))
        let settled = [4, 5, 6].map { peers.haveLocalAddressesSettled(at: .seconds($0)) }
        #expect(settled == [false, true, false])
    }
}
