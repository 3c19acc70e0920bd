import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

/// A stream that is only told apart from others.
private final class NumberedStream: ByteStream {
    let number: Int

    init(_ number: Int) {
        self.number = number
    }

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? { nil }
    func write(_ bytes: [UInt8]) async throws(TransportError) {}
    func closeWrite() async throws(TransportError) {}
    func reset() {}
}

@Suite struct IdleStreamsTests {
    private let peers: [PeerID]
    private let place: Multiaddr

    init() throws {
        peers = try (0..<4).map { try testPeer($0) }
        place = try Multiaddr("/memory/1")
    }

    private static func idle(_ maximum: Int = 3) -> IdleStreams {
        IdleStreams(maximum: maximum, maximumPerPeer: 2, lifetime: .seconds(30))
    }

    private func number(_ idle: PlacedStream?) -> Int? {
        (idle?.stream.stream as? NumberedStream)?.number
    }

    private func stream(_ number: Int) -> PlacedStream {
        PlacedStream(
            stream: NegotiatedStream(stream: NumberedStream(number), protocolID: DHTWorld.protocolID),
            remoteAddress: place, isInbound: false)
    }

    /// Puts back a stream to each of these peers in turn, numbered from 0, one a second.
    ///
    /// - Returns: The numbers of those that have no room.
    private func put(to numbers: [Int], _ idle: inout IdleStreams) -> [Int?] {
        numbers.enumerated().map {
            number(idle.put(stream($0.offset), to: peers[$0.element], at: .seconds($0.offset)))
        }
    }

    @Test func theOneUsedLastIsTakenFirst() {
        var idle = Self.idle()
        #expect(put(to: [0, 0, 1], &idle) == [nil, nil, nil])
        let taken = [0, 0, 0, 2, 1].map { number(idle.take(peers[$0])) }
        #expect(taken == [1, 0, nil, nil, 2])
    }

    @Test func whatHasNoRoomComesBack() {
        var idle = Self.idle()
        #expect(put(to: [0, 0, 0, 1, 2], &idle) == [nil, nil, 2, nil, 0])
        #expect(idle.count == 3)
        var none = Self.idle(0)
        #expect(put(to: [0], &none) == [0])
    }

    @Test func streamsRunOut() {
        var idle = Self.idle()
        #expect(idle.nextDeadline == nil)
        #expect(put(to: [0, 1], &idle) == [nil, nil])
        #expect(idle.nextDeadline == .seconds(30))
        let over = [29, 30, 40].map { idle.expire(at: .seconds($0)).map(number) }
        #expect(over == [[], [0], [1]])
        #expect(idle.nextDeadline == nil && idle.count == 0)
    }

    @Test func aPeersStreamsGoTogether() {
        var idle = Self.idle(4)
        #expect(put(to: [0, 1, 0], &idle) == [nil, nil, nil])
        let gone = idle.remove(peers[0]).map(number)
        #expect(gone == [0, 2])
        let rest = idle.removeAll().map(number)
        #expect(rest == [1] && idle.count == 0)
    }
}
