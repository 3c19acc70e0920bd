import MuSig2Session
import Multiformats
import Secp256k1
import Testing

@testable import MuSig2Coordination

/// Dials are bounded by session, by node and by what a peer has shown of itself.
@Suite("Dials of peers") struct PeerTableTests {
    private let start = Duration.seconds(100)

    private func session(_ number: UInt64) throws -> SessionID {
        let bytes = (0..<32).map { $0 < 8 ? UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) : 1 }
        return try #require(SessionID(bytes))
    }

    private func address(_ number: UInt64) throws -> Multiaddr { try Multiaddr("/ip4/203.0.113.7/tcp/\(1 + number)") }

    private func wish(_ addresses: [Multiaddr], isBound: Bool = false) -> PeerWish {
        PeerWish(addresses: addresses, isBound: isBound)
    }

    /// Every dial that comes due until a moment, each of which fails at once.
    private func run(_ book: inout PeerTable, until end: Duration) -> [(peer: PeerID, addresses: [Multiaddr])] {
        var all: [(peer: PeerID, addresses: [Multiaddr])] = []
        while let due = book.nextRedial, due <= end {
            let time = max(due, start)
            for dial in book.dialsDue(at: time) {
                all.append(dial)
                book.dialFailed(dial.peer, at: time)
            }
        }
        return all
    }

    @Test func bySessionAndByNode() throws {
        var book = PeerTable(configuration: MuSig2Coordinator.Configuration())
        for number in 0..<12 as Range<UInt64> {
            for peer in 0..<40 as Range<UInt64> {
                let wish = wish([try address(peer)])
                book.want(
                    try TestKeys.peer(number * 100 + peer), for: try session(number), wish, isNews: true, at: start)
            }
        }
        let atOnce = run(&book, until: start)
        #expect(atOnce.count == 224)
        var bySession: [String: Int] = [:]
        for dial in atOnce {
            for session in book[dial.peer]?.sessions ?? [] { bySession["\(session)", default: 0] += 1 }
        }
        #expect(bySession.values.allSatisfy { $0 <= 32 })
        #expect(run(&book, until: start + .milliseconds(59_999)).isEmpty)
        #expect(run(&book, until: start + .seconds(60)).count == 224)
        // A look has room all the same.
        var lookup = wish([])
        lookup.isLookup = true
        let wanted = try TestKeys.peer(9_999)
        book.want(wanted, for: try session(99), lookup, isNews: true, at: start + .seconds(60))
        #expect(book.dialsDue(at: start + .seconds(60)).map(\.peer) == [wanted])
        // Everyone has had its early dials in the end, and is dialled seldom from then on.
        let first = run(&book, until: start + .seconds(600))
        #expect(first.count <= 224 * 9 + 32)
    }

    @Test func whoShowedItselfIsNotCounted() throws {
        var book = PeerTable(configuration: MuSig2Coordinator.Configuration())
        for peer in 0..<100 as Range<UInt64> {
            let wish = wish([try address(peer)], isBound: true)
            book.want(try TestKeys.peer(peer), for: try session(1), wish, isNews: false, at: start)
        }
        #expect(run(&book, until: start).count == 100)
        // In back-off to a minute, without end.
        let hour = run(&book, until: start + .seconds(3_600))
        #expect((6_000...6_700).contains(hour.count))
    }

    @Test func whoNeverShowedItselfIsDialledSeldom() throws {
        var book = PeerTable(configuration: MuSig2Coordinator.Configuration())
        let peer = try TestKeys.peer(1)
        func want(isNews: Bool, at time: Duration) throws {
            book.want(peer, for: try session(1), wish([try address(1)]), isNews: isNews, at: time)
        }
        try want(isNews: true, at: start)
        #expect(run(&book, until: start + .seconds(599)).count == 3)
        // The session's own timers change nothing.
        for second in 1...500 { try want(isNews: false, at: start + .seconds(second)) }
        #expect(run(&book, until: start + .seconds(599)).isEmpty)
        #expect(run(&book, until: start + .seconds(3_600)).count == 5)
        try want(isNews: true, at: start + .seconds(3_600))
        #expect(run(&book, until: start + .seconds(3_600)).count == 1)
        book.hurry(at: start + .seconds(3_650))
        #expect(run(&book, until: start + .seconds(3_650)).count == 1)
        book.release(peer, from: try session(1), at: start + .seconds(3_650))
        #expect(run(&book, until: start + .seconds(90_000)).isEmpty)
    }

    /// A door that opens and shuts is no reason to dial every second.
    @Test func aDoorThatOpensAndShuts() throws {
        var book = PeerTable(configuration: MuSig2Coordinator.Configuration())
        let peer = try TestKeys.peer(1)
        book.want(peer, for: try session(1), wish([try address(1)], isBound: true), isNews: true, at: start)
        var count = 0
        while let due = book.nextRedial, due <= start + .seconds(600) {
            let time = max(due, start)
            for dial in book.dialsDue(at: time) {
                count += 1
                _ = book.connected(dial.peer, at: time)
                _ = book.disconnected(dial.peer, at: time)
            }
        }
        #expect(count <= 16)
    }

    /// Twenty sessions lie about a peer's addresses, and one says the truth.
    @Test(arguments: [false, true]) func allAddressesAreTried(_ isBound: Bool) throws {
        var book = PeerTable(configuration: MuSig2Coordinator.Configuration())
        let peer = try TestKeys.peer(1)
        let truth = try address(60_000)
        for number in 0..<20 as Range<UInt64> {
            let lies = try (0..<8 as Range<UInt64>).map { try address(number * 8 + $0) }
            book.want(peer, for: try session(number), wish(lies), isNews: true, at: start)
        }
        book.want(peer, for: try session(99), wish([truth], isBound: isBound), isNews: true, at: start)
        let dials = run(&book, until: start + .seconds(8_000))
        #expect(dials.allSatisfy { $0.addresses.count <= 32 })
        #expect(Set(dials.flatMap(\.addresses)).count == 161)
        if isBound { #expect(dials.allSatisfy { $0.addresses.contains(truth) }) }
    }
}
