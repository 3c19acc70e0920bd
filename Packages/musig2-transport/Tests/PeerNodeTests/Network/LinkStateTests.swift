import Multiformats
import PeerTransport
import Testing
import WireCodec

@testable import PeerNode

/// The machine of a link without a network: which frame goes where, and what the link does next.
@Suite("The state of a link") struct LinkStateTests {
    private final class NamedStream: ByteStream {
        func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? { nil }
        func write(_ bytes: [UInt8]) async throws(TransportError) {}
        func closeWrite() async throws(TransportError) {}
        func reset() {}
    }

    /// A reference, since the macros of the tests call nothing that mutates.
    private final class Link {
        private(set) var state: LinkState

        init(_ limits: NodePeerNetwork.Configuration) { state = LinkState(limits: limits) }

        func begin(_ limits: NodePeerNetwork.Configuration) { state = LinkState(limits: limits) }

        @discardableResult
        func callAsFunction<Answer>(_ body: (inout LinkState) -> Answer) -> Answer { body(&state) }
    }

    private let address: Multiaddr
    private var limits: NodePeerNetwork.Configuration
    private let link: Link

    init() throws {
        address = try Multiaddr("/memory/1")
        limits = NodePeerNetwork.Configuration(protocolID: ProtocolID("/test/1"))
        limits.maximumQueuedFrames = 3
        limits.maximumQueuedBytes = 100
        limits.writeBatchBytes = 8
        limits.maximumReopenings = 2
        link = Link(limits)
    }

    /// A link that is up, with an idle stream to the peer.
    private func up() throws -> OutgoingStream.Handle {
        #expect(link({ $0.connect([address]) }) == .start)
        guard case .open([address]) = link({ $0.nextStep() }) else {
            Issue.record("expected the stream to be opened")
            throw TransportError(.notConnected, "no stream")
        }
        let opened = try #require(link({ $0.opened(NamedStream()) }))
        #expect(opened.isNew && opened.former == nil)
        guard case .wait = link({ $0.nextStep() }) else {
            Issue.record("expected nothing to do")
            throw TransportError(.notConnected, "no stream")
        }
        return opened.handle
    }

    /// The handle that a frame is to be written to at once; nil when it waits or is dropped.
    private func writeAtOnce(_ frame: [UInt8]) -> OutgoingStream.Handle? {
        guard case .write(let handle) = link({ $0.send(frame) }) else { return nil }
        return handle
    }

    private func isQueued(_ frame: [UInt8]) -> Bool {
        if case .queued = link({ $0.send(frame) }) { true } else { false }
    }

    private func isDropped(_ frame: [UInt8]) -> Bool {
        if case .dropped = link({ $0.send(frame) }) { true } else { false }
    }

    /// The frames of the batch that the task writes next; nil when it does something else.
    private func batch() throws -> [[UInt8]]? {
        guard case .write(let bytes, _) = link({ $0.nextStep() }) else { return nil }
        var decoder = FrameDecoder(maximumLength: 1_000)
        return try decoder.feed(bytes)
    }

    @Test func nothingOvertakesAFrameThatIsBeingWritten() throws {
        let stream = try up()
        #expect(writeAtOnce([1])?.id == stream.id)
        #expect(isQueued([2]))
        guard case .wait = link({ $0.nextStep() }) else {
            Issue.record("the task writes while a sender does")
            return
        }
        #expect(link({ $0.endWrite(of: [1], to: stream, .written) }) == (true, true))
        #expect(try batch() == [[2]])
        #expect(isQueued([3]), "the task writes now")
        link({ $0.endWrite() })
        #expect(try batch() == [[3]])
        link({ $0.endWrite() })
        guard case .wait = link({ $0.nextStep() }) else {
            Issue.record("something is left to do")
            return
        }
        #expect(writeAtOnce([4])?.id == stream.id)
        #expect(link({ $0.endWrite(of: [4], to: stream, .written) }) == (true, false), "no task is woken")
    }

    @Test func aRefusedFrameComesBeforeThoseThatWait() throws {
        let stream = try up()
        #expect(writeAtOnce([1]) != nil)
        #expect(isQueued([2]))
        #expect(link({ $0.endWrite(of: [1], to: stream, .refused) }) == (true, true))
        #expect(try batch() == [[1], [2]])
    }

    @Test func aFrameThatFindsTheStreamBrokenWaitsForTheNext() throws {
        let stream = try up()
        #expect(writeAtOnce([1]) != nil)
        // The watcher of the stream notices too, in the middle of the write: that counts once.
        link({ $0.forget(stream) })
        #expect(link({ $0.endWrite(of: [1], to: stream, .broken) }) == (true, true))
        guard case .open = link({ $0.nextStep() }) else {
            Issue.record("expected another stream")
            return
        }
        let next = try #require(link({ $0.opened(NamedStream()) }))
        #expect(!next.isNew && next.former == nil && next.handle.id != stream.id)
        #expect(try batch() == [[1]])
        link({ $0.endWrite() })
        link({ $0.forget(stream) })
        guard case .wait = link({ $0.nextStep() }) else {
            Issue.record("an old stream does not count")
            return
        }
        // Two more and the peer is given up: two reopenings are allowed.
        link({ $0.forget(next.handle) })
        let last = try #require(link({ $0.opened(NamedStream()) }))
        link({ $0.forget(last.handle) })
        guard case .giveUp = link({ $0.nextStep() }) else {
            Issue.record("expected the link to be given up")
            return
        }
    }

    @Test func aReplacedConnectionGetsAStreamOfItsOwn() throws {
        let stream = try up()
        #expect(writeAtOnce([1]) != nil)
        link({ $0.connectionReplaced() })
        #expect(isQueued([2]))
        guard case .wait = link({ $0.nextStep() }) else {
            Issue.record("the write is not over")
            return
        }
        #expect(link({ $0.endWrite(of: [1], to: stream, .written) }) == (true, true))
        #expect(isQueued([3]), "nothing more goes to the old one")
        guard case .open = link({ $0.nextStep() }) else {
            Issue.record("expected another stream")
            return
        }
        #expect(link({ $0.opened(NamedStream()) })?.former?.id == stream.id)
        #expect(try batch() == [[2], [3]])
    }

    @Test func leavingWritesWhatWaits() throws {
        let stream = try up()
        #expect(writeAtOnce([1]) != nil)
        #expect(isQueued([2]))
        #expect(link({ $0.disconnect() }) == .close)
        #expect(isDropped([3]))
        #expect(link({ $0.endWrite(of: [1], to: stream, .written) }) == (true, true))
        #expect(try batch() == [[2]])
        link({ $0.endWrite() })
        guard case .finish(let last) = link({ $0.nextStep() }) else {
            Issue.record("expected the connection to be closed")
            return
        }
        #expect(last?.id == stream.id)
        // Asked for again, twice left, asked for again.
        #expect(link({ $0.connect([address]) }) == .noted)
        #expect(link({ $0.disconnect() }) == .nothing)
        #expect(link({ $0.end() })?.again == nil)
    }

    @Test func aPeerThatIsAskedForAgainWhileItIsLeftIsSoughtAnew() throws {
        _ = try up()
        _ = link({ $0.accept(NamedStream()) })
        #expect(link({ $0.disconnect() }) == .close)
        #expect(link({ $0.connect([address]) }) == .noted)
        let ending = try #require(link({ $0.end() }))
        #expect(ending.again == [address] && ending.told == .connected)
        #expect(ending.streams.count == 1, "the outgoing stream ended in good order")
        #expect(link({ $0.end() }) == nil && link({ $0.connect([address]) }) == .refused && link.state.isCutOff)
    }

    @Test func theConsumerHearsTheEndOfWhatItWasTold() throws {
        #expect(link({ $0.end() })?.told == .nothing)
        link.begin(limits)
        _ = link({ $0.connect([address]) })
        #expect(link({ $0.connectionLost() }) == .nothing && link({ $0.disconnect() }) == .finish)
        #expect(link({ $0.end() })?.told == .connecting)
        link.begin(limits)
        _ = try up()
        #expect(link({ $0.connectionLost() }) == .finish)
        let ending = try #require(link({ $0.end() }))
        #expect(ending.told == .connected && ending.streams.count == 1)
        #expect(link({ $0.connectionLost() }) == .nothing)
        guard case .stop = link({ $0.nextStep() }) else {
            Issue.record("the task goes on after the end")
            return
        }
        #expect(link({ $0.opened(NamedStream()) }) == nil && link({ $0.accept(NamedStream()) }) == nil)
        #expect(isDropped([1]))
    }

    @Test func whatCameBeforeTheLossIsHeard() throws {
        _ = try up()
        let older = try #require(link({ $0.accept(NamedStream()) })).handle
        let newer = try #require(link({ $0.accept(NamedStream()) })).handle
        #expect(link({ $0.connectionLost() }) == .drain && link.state.isCutOff)
        #expect(link({ $0.connectionLost() }) == .nothing && link({ $0.openingGivenUp() }) == .nothing)
        #expect(link.state.hears(older) && link.state.hears(newer) && !link.state.isUnheard)
        // Nothing else happens on it: the node may have another connection by now.
        #expect(isDropped([1]) && link({ $0.accept(NamedStream()) }) == nil)
        #expect(link({ $0.opened(NamedStream()) }) == nil)
        guard case .stop = link({ $0.nextStep() }) else {
            Issue.record("the task goes on without a connection")
            return
        }
        #expect(link({ $0.connect([address]) }) == .noted)
        #expect(!link({ $0.remove(newer) }) && link({ $0.remove(older) }))
        let ending = try #require(link({ $0.end() }))
        #expect(ending.told == .connected && ending.again == [address])
    }

    @Test func aConsumerThatLeavesWaitsForNothing() throws {
        _ = try up()
        _ = link({ $0.accept(NamedStream()) })
        #expect(link({ $0.connectionLost() }) == .drain && link({ $0.connect([address]) }) == .noted)
        #expect(link({ $0.disconnect() }) == .finish)
        #expect(link({ $0.end() })?.again == nil)
    }

    @Test func aPeerThatIsLeftAndLostIsSoughtAnewAllTheSame() throws {
        _ = try up()
        let stream = try #require(link({ $0.accept(NamedStream()) })).handle
        #expect(link({ $0.disconnect() }) == .close && link({ $0.connect([address]) }) == .noted)
        #expect(link({ $0.connectionLost() }) == .drain && link({ $0.remove(stream) }))
        #expect(link({ $0.end() })?.again == [address])
    }

    @Test func aPeerThatTakesNoStreamIsGivenUp() throws {
        _ = link({ $0.connect([address]) })
        #expect(link({ $0.openingGivenUp() }) == .finish)
        link.begin(limits)
        _ = try #require(link({ $0.accept(NamedStream()) }))
        #expect(link({ $0.openingGivenUp() }) == .drain)
    }

    @Test func whatWaitsIsBounded() throws {
        #expect(isDropped([1]), "there is no connection yet")
        let stream = try up()
        #expect(writeAtOnce([0]) != nil)
        #expect(isQueued([UInt8](repeating: 1, count: 97)))
        #expect(isDropped([2, 2, 2, 2]), "101 bytes")
        #expect(isQueued([2]))
        #expect(isQueued([3]))
        #expect(isDropped([4]), "four frames")
        #expect(link({ $0.endWrite(of: [0], to: stream, .refused) }) == (true, true), "100 bytes, and one frame more")
        #expect(try batch() == [[0], [UInt8](repeating: 1, count: 97)], "a batch ends when it is long enough")
        link({ $0.endWrite() })
        #expect(try batch() == [[2], [3]])
    }

    @Test func aStrangerHasATimeForItsFirstFrame() throws {
        let first = try #require(link({ $0.accept(NamedStream()) }))
        #expect(first.isNew && first.starts && first.previous == nil)
        #expect(link({ $0.beginProbation() }) && link.state.isUnheard)
        #expect(!link({ $0.beginProbation() }), "the time goes on")
        link({ $0.heard() })
        #expect(!link.state.isUnheard)
        link.begin(limits)
        _ = link({ $0.accept(NamedStream()) })
        #expect(link({ $0.beginProbation() }) && link({ $0.connect([address]) }) == .noted)
        #expect(!link.state.isUnheard, "this side asked for it")
    }

    @Test func aNewerStreamOfThePeerSilencesTheOlder() throws {
        let older = try #require(link({ $0.accept(NamedStream()) })).handle
        let newer = try #require(link({ $0.accept(NamedStream()) }))
        #expect(newer.previous?.id == older.id && !newer.isNew && !newer.starts)
        #expect(link.state.hears(older) && link.state.hears(newer.handle))
        link({ $0.hearOnly(from: newer.handle) })
        #expect(!link.state.hears(older) && link.state.hears(newer.handle))
        #expect(!link({ $0.remove(older) }))
        #expect(try #require(link({ $0.accept(NamedStream()) })).previous?.id == newer.handle.id)
        _ = link({ $0.end() })
        #expect(!link.state.hears(newer.handle))
    }

    /// Whatever happens to the stream, frames that were taken leave in their order, each once.
    @Test(arguments: 0..<200) func framesKeepTheirOrder(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var limits = limits
        limits.maximumQueuedFrames = 50
        limits.maximumReopenings = 1_000
        let link = Link(limits)
        _ = link({ $0.connect([address]) })
        var (taken, left): ([UInt8], [UInt8]) = ([], [])
        var direct: (frame: UInt8, handle: OutgoingStream.Handle)?
        var streams = [try #require(link({ $0.opened(NamedStream()) })).handle]
        for number in UInt8.min...200 {
            switch UInt.random(in: 0..<8, using: &random) {
            case 0: link({ $0.connectionReplaced() })
            case 1:
                let broken = try #require(streams.randomElement(using: &random))
                link({ $0.forget(broken) })
            case 2...4:
                switch link({ $0.send([number]) }) {
                case .write(let handle):
                    try #require(direct == nil)
                    direct = (number, handle)
                case .queued: taken.append(number)
                case .dropped: break
                }
            case 5:
                guard let (frame, handle) = direct else { break }
                let writing = [LinkState.Writing.written, .refused, .broken].randomElement(using: &random) ?? .written
                #expect(link({ $0.endWrite(of: [frame], to: handle, writing) }).isSent)
                taken.insert(frame, at: left.count)
                if writing == .written { left.append(frame) }
                direct = nil
            default:
                switch link({ $0.nextStep() }) {
                case .open: streams.append(try #require(link({ $0.opened(NamedStream()) })).handle)
                case .write(let bytes, _):
                    try #require(direct == nil)
                    var decoder = FrameDecoder(maximumLength: 10)
                    left += try decoder.feed(bytes).map { $0[0] }
                    link({ $0.endWrite() })
                case .wait: break
                case .finish, .giveUp, .stop: Issue.record("seed \(seed): the link ended")
                }
            }
        }
        #expect(left == Array(taken.prefix(left.count)), "seed \(seed)")
        #expect(left.sorted() == left, "seed \(seed)")
    }
}
