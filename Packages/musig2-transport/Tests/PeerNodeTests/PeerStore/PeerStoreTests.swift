import Multiformats
import PeerTransport
import Testing
import WireCodec

@testable import PeerNode

@Suite struct PeerStoreTests {
    private let hour: UInt64 = 3_600_000
    private let start: UInt64 = 1_700_000_000_000

    private func address(_ number: Int) throws -> Multiaddr { try Multiaddr("/ip4/203.0.113.7/tcp/\(number)") }

    @Test func addressesExpireByTheirSource() throws {
        var store = PeerStore()
        let peer = try testPeer(1)
        store.add([try address(1)], of: peer, from: .hint, at: start)
        store.add([try address(2)], of: peer, from: .identify, at: start)
        store.add([try address(3)], of: peer, from: .certified, at: start)
        let all = try [3, 2, 1].map(address)
        #expect(store.addresses(of: peer, at: start) == all, "the best reason first")
        #expect(store.addresses(of: peer, at: start + hour) == Array(all.prefix(2)))
        #expect(store.addresses(of: peer, at: start + 24 * hour) == Array(all.prefix(1)))
        #expect(store.addresses(of: peer, at: start + 7 * 24 * hour) == [])
        store.prune(at: start + 7 * 24 * hour)
        #expect(store.peers.isEmpty)
    }

    @Test func whatWasReachedIsTriedFirst() throws {
        var store = PeerStore()
        let peer = try testPeer(1)
        store.add(try (1...3).map(address), of: peer, from: .certified, at: start)
        store.noteSuccess(peer, at: try address(9).appending(peer), at: start + 1)
        store.noteFailure(peer, at: try address(1))
        #expect(store.addresses(of: peer, at: start + 2) == (try [2, 3, 9, 1].map(address)), "the peer never named it")
        store.noteSuccess(peer, at: try address(1), at: start + 5)
        #expect(store.addresses(of: peer, at: start + 6).first == (try address(1)))
        #expect(
            store.addresses(of: peer, at: start + 24 * hour).contains(try address(9)), "longer than a mere hint")
        store.remove(try address(1), of: peer)
        #expect(!store.addresses(of: peer, at: start + 6).contains(try address(1)))
    }

    @Test func aNewerWordTakesThePlaceOfTheOlder() throws {
        var store = PeerStore()
        let peer = try testPeer(1)
        store.add([try address(8)], of: peer, from: .hint, at: start)
        var information = PeerInformation(
            addresses: [try address(1)], isCertified: true, protocols: ["/a"], agentVersion: "x")
        store.update(peer, by: information, sequence: 5, at: start)
        #expect(store.sequence(of: peer) == 5)
        #expect(store.addresses(of: peer, at: start) == (try [1, 8].map(address)))
        // Not signed: it does not displace what was.
        information.addresses = [try address(2)]
        store.update(peer, by: information, sequence: nil, at: start)
        #expect(store.addresses(of: peer, at: start) == (try [1, 2, 8].map(address)))
        information.addresses = [try address(3)]
        store.update(peer, by: information, sequence: 6, at: start)
        #expect(store.addresses(of: peer, at: start) == (try [3, 8].map(address)))
        information.addresses = []
        store.update(peer, by: information, sequence: nil, at: start)
        #expect(store.addresses(of: peer, at: start) == (try [3, 8].map(address)), "naming none erases none")
        #expect(store.peers[peer]?.protocols == ["/a"] && store.peers[peer]?.agentVersion == "x")
    }

    /// Of a record whose addresses nobody here can use only the sequence counts.
    @Test func whatIsSaidBesideAnUnusableRecordIsNotSigned() throws {
        var store = PeerStore()
        let peer = try testPeer(1)
        var information = PeerInformation(addresses: [try address(1)], isCertified: true)
        store.update(peer, by: information, sequence: 5, at: start)
        information = PeerInformation(addresses: [try address(2)])
        store.update(peer, by: information, sequence: 6, at: start)
        #expect(store.sequence(of: peer) == 6)
        #expect(store.addresses(of: peer, at: start) == [try address(2)])
        #expect(store.addresses(of: peer, at: start + 24 * hour) == [], "no longer than what it says")
    }

    /// Whoever names addresses cannot drive out those that the peer signed, not even when one has failed.
    @Test func r2HintsDriveOutNoSignedAddress() throws {
        var limits = PeerStoreLimits()
        limits.addressesPerPeer = 4
        var store = PeerStore(limits: limits)
        let peer = try testPeer(1)
        store.add([try address(1)], of: peer, from: .certified, at: start)
        store.noteSuccess(peer, at: try address(2), at: start)
        for number in [1, 2] { store.noteFailure(peer, at: try address(number)) }
        store.add(try (10...30).map(address), of: peer, from: .hint, at: start + 1)
        let kept = Set(store.addresses(of: peer, at: start + 1))
        #expect(try kept.count == 4 && kept.isSuperset(of: [1, 2].map(address)))
        store.noteFailure(peer, at: try address(1))
        store.add(try (40...60).map(address), of: peer, from: .identify, at: start + 2)
        #expect(store.addresses(of: peer, at: start + 2).contains(try address(1)))
    }

    @Test func whatCannotBeUsedIsNotKept() throws {
        var store = PeerStore()
        let peer = try testPeer(1)
        let useless = try ["/ip4/0.0.0.0/tcp/1", "/ip4/203.0.113.7/tcp/0", "/p2p/\(peer)"].map { try Multiaddr($0) }
        store.add(useless, of: peer, from: .certified, at: start)
        #expect(store.peers.isEmpty)
    }

    /// A flood of names displaces names, not peers that were reached or spoke for themselves.
    @Test func everythingIsBounded() throws {
        var limits = PeerStoreLimits()
        limits.peers = 64
        limits.addressesPerPeer = 4
        var store = PeerStore(limits: limits)
        let (reached, identified) = (try testPeer(1), try testPeer(2))
        store.noteSuccess(reached, at: try address(1), at: start)
        store.update(
            identified, by: PeerInformation(addresses: [try address(2)]), sequence: nil, at: start)
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<2000 {
            let key = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let peer = try PeerID(publicKey: try PublicKeyProtobuf(type: .ed25519, data: key))
            let count = Int.random(in: 1...10, using: &generator)
            let addresses = try (1...count).map { try address($0) }
            store.add(addresses, of: peer, from: .hint, at: start + UInt64(round))
            #expect(store.peers.count <= 64 && (store.peers[peer]?.addresses.count ?? 0) <= 4, "seed \(seed)")
        }
        #expect(store.peers[reached] != nil && store.peers[identified] != nil, "seed \(seed)")
        let many = Set((0..<500).map { ProtocolID("/\($0)") }).union([ProtocolID(String(repeating: "x", count: 500))])
        store.update(identified, by: PeerInformation(protocols: many), sequence: nil, at: start)
        #expect(store.peers[identified]?.protocols.count == limits.protocolsPerPeer)
    }

    // MARK: The snapshot

    private func filled(_ count: UInt8 = 20) throws -> PeerStore {
        var store = PeerStore()
        for number in 1...count {
            let peer = try testPeer(number)
            store.add([try address(Int(number))], of: peer, from: .hint, at: start)
            store.update(
                peer,
                by: PeerInformation(
                    addresses: [try address(100), try Multiaddr("/dns4/a.example/tcp/\(number)/ws")],
                    protocols: ["/a", "/b"], agentVersion: "agent é"),
                sequence: number % 2 == 0 ? UInt64(number) : nil, at: start)
            if number % 3 == 0 { store.noteSuccess(peer, at: try address(100), at: start) }
            if number % 5 == 0 { store.noteFailure(peer, at: try address(100)) }
        }
        return store
    }

    @Test func aSnapshotHoldsEverything() throws {
        let store = try filled()
        let snapshot = PeerStoreSnapshot(of: store, lastSequence: 77)
        let read = try PeerStoreSnapshot(snapshot.bytes)
        #expect(read == snapshot && read.lastSequence == 77)
        var restored = PeerStore()
        restored.restore(read.peers, at: start)
        #expect(restored == store)
    }

    @Test func aClockThatWasAheadMakesNothingImmortal() throws {
        var store = PeerStore()
        let peer = try testPeer(1)
        store.add([try address(1)], of: peer, from: .hint, at: start + 1000 * hour)
        store.noteSuccess(peer, at: try address(2), at: start + 1000 * hour)
        var restored = PeerStore()
        restored.restore(PeerStoreSnapshot(of: store, lastSequence: 0).peers, at: start)
        #expect(restored.addresses(of: peer, at: start).count == 2)
        #expect(restored.addresses(of: peer, at: start + 2 * hour) == [try address(2)])
        #expect(restored.addresses(of: peer, at: start + 8 * 24 * hour) == [])
    }

    @Test func otherFormatsAndRubbishAreRefused() throws {
        #expect(throws: WireError("PeerStore", "format", .outOfRange(0))) { try PeerStoreSnapshot([]) }
        #expect(throws: WireError("PeerStore", "format", .outOfRange(2))) { try PeerStoreSnapshot([0x08, 0x02]) }
        let bytes = PeerStoreSnapshot(of: try filled(4), lastSequence: 1).bytes
        let later = try PeerStoreSnapshot(bytes + [0x98, 0x06, 0x01])
        #expect(later.peers.count == 4, "a field of a later version is skipped")
        for count in 0..<bytes.count {
            do throws(WireError) {
                let cut = try PeerStoreSnapshot(Array(bytes[..<count]))
                #expect(cut.peers.count < 4, "cut between two peers")
            } catch {
                #expect([.truncated, .outOfRange(0)].contains(error.reason), "\(count): \(error)")
            }
        }
    }

    /// Changed bytes are read or refused, and what is read keeps the limits of the store.
    @Test func mutatedSnapshotsDoNoHarm() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        let original = PeerStoreSnapshot(of: try filled(4), lastSequence: 1).bytes
        var limits = PeerStoreLimits()
        limits.peers = 3
        for _ in 0..<500 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            do throws(WireError) {
                var store = PeerStore(limits: limits)
                store.restore(try PeerStoreSnapshot(bytes).peers, at: start)
                #expect(store.peers.count <= 3, "seed \(seed)")
                for peer in store.peers.keys {
                    let isUsable = store.addresses(of: peer, at: start).allSatisfy { $0.isUsable }
                    #expect(isUsable, "seed \(seed)")
                }
            } catch {
                #expect(!error.description.isEmpty, "seed \(seed)")
            }
        }
    }

    /// Somebody in between passes on what is said at an address of its own: what the peer has signed goes before that.
    @Test func whatThePeerSignedGoesBeforeWhereItWasReachedByHearsay() throws {
        var store = PeerStore()
        let peer = try testPeer(9)
        let (relay, own) = (try address(1), try address(2))
        store.noteSuccess(peer, at: relay, at: start)
        store.update(peer, by: PeerInformation(addresses: [own], isCertified: true), sequence: 5, at: start)
        #expect(store.addresses(of: peer, at: start) == [own, relay])
        store.noteFailure(peer, at: own)
        #expect(store.addresses(of: peer, at: start) == [relay, own])
    }
}
