import Multiformats
import PeerTransport
import Synchronization
import Testing

@testable import PeerTransportNIO

/// R17: addresses that take all that their network may have.
@Suite("Addresses of one network") struct R17NetworkPlacesTests {
    private let peers: [PeerID]

    init() { peers = (0..<64).map { _ in NodeIdentity.generateEd25519().peerID } }

    private static func count() -> ConnectionCount {
        var limits = TCPTransport.Limits()
        limits.networkConnections = 8
        return ConnectionCount(limits: limits)
    }

    private static func open(_ count: ConnectionCount, _ host: Int) throws(TransportError) -> ConnectionCount.Slot {
        let address: Multiaddr
        do { address = try Multiaddr("/ip4/66.6.6.\(host)/tcp/1") } catch {
            throw TransportError(.invalidArgument, "\(error)")
        }
        return try count.open(isInbound: true, from: address, at: .seconds(1))
    }

    @Test("two addresses have all of their network, settled: each neighbor gets in at their cost, down to their own")
    func r17SettledConnectionsGiveWay() throws {
        let count = Self.count()
        let gone = Mutex<[Int]>([])
        var slots: [ConnectionCount.Slot] = []
        for number in 0..<8 {
            let slot = try Self.open(count, 1 + number % 2)
            slot.onEviction { _ in gone.withLock { $0.append(number) } }
            #expect(slot.settle(peer: peers[number]) == nil)
            slots.append(slot)
        }
        var admitted = 0
        for number in 0..<50 {
            do {
                slots.append(try Self.open(count, 10 + number))
                admitted += 1
            } catch {
                #expect(error.message == "connections from 66.6.6.0/24: expected at most 8")
            }
        }
        // Each of the two keeps one.
        #expect(admitted == 6, "\(admitted) neighbors were let in")
        #expect(gone.withLock { $0 } == [0, 1, 2, 3, 4, 5])
        // Those that were told to go count until they have gone, and not twice.
        #expect(count.total == 14)
        for slot in slots { slot.release() }
        #expect(count.total == 0)
        for _ in 0..<4 { _ = try Self.open(count, 1) }
        #expect(throws: TransportError.self) { _ = try Self.open(count, 1) }
    }

    @Test("unfinished ones go first, those of a peer that is kept never")
    func r17KeptConnectionsStay() throws {
        let count = Self.count()
        let kept = peers[0]
        count.keep { $0 == kept }
        let gone = Mutex<[Int]>([])
        for number in 0..<8 {
            let slot = try Self.open(count, 1 + number % 2)
            slot.onEviction { _ in gone.withLock { $0.append(number) } }
            if number != 4 { #expect(slot.settle(peer: peers[number % 2]) == nil) }
        }
        for number in 0..<2 { _ = try Self.open(count, 10 + number) }
        // One of the first address, as it was unfinished, one of the second; all others of the first are kept.
        #expect(gone.withLock { $0 } == [4, 1])
    }
}
