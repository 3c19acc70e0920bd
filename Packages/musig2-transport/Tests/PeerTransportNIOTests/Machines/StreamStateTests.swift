import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

/// The machine of one stream: what its two halves hold, who waits, and how it ends.
@Suite("The state of a stream") struct StreamStateTests {
    /// A reference, since the macros of the tests call nothing that mutates.
    private final class Stream {
        private(set) var state: StreamState

        init(isKnown: Bool = true) { state = StreamState(sendBuffer: 10, isKnown: isKnown) }

        @discardableResult
        func callAsFunction<Answer>(_ body: (inout StreamState) throws -> Answer) rethrows -> Answer {
            try body(&state)
        }

        func deliver(_ bytes: [UInt8]) -> (held: Int, isDropped: Bool) {
            bytes.withUnsafeBytes { state.deliver($0) }
        }

        /// Drains so many bytes: what they are, and what is said of those behind.
        func drain(_ count: Int) -> (bytes: [UInt8], left: Int, closesWrite: Bool, wakesWriter: Bool) {
            var bytes: [UInt8] = []
            let drained = state.drain(count) { bytes += $0 }
            return (bytes, drained.left, drained.closesWrite, drained.wakesWriter)
        }
    }

    private static let broken = TransportError(.connectionClosed, "the connection was lost")

    /// In words, since outcomes hold errors.
    private func words(_ outcome: StreamState.ReadOutcome?) -> String {
        switch outcome {
        case .bytes(let bytes): "\(bytes)"
        case .end: "end"
        case .failed(let error): "\(error.code)"
        case nil: "waits"
        }
    }

    @Test("bytes first, then the end")
    func reading() {
        let stream = Stream()
        #expect(stream.deliver([1, 2, 3]) == (3, false))
        stream { $0.remoteClosed() }
        #expect(words(stream({ $0.read(upTo: 2) }).0) == "[1, 2]")
        #expect(words(stream({ $0.readOrWait(upTo: 2) }).0) == "[3]")
        #expect(words(stream({ $0.read(upTo: 2) }).0) == "end")
        #expect(stream({ $0.takePending() }).consumed == 3)
        #expect(stream({ $0.takePending() }).consumed == 0)
    }

    @Test("one reader waits, and is woken with what came")
    func waking() {
        let stream = Stream()
        #expect(words(stream({ $0.readOrWait(upTo: 9) }).0) == "waits")
        #expect(words(stream({ $0.read(upTo: 9) }).0) == "\(TransportError.Code.invalidArgument)")
        #expect(stream({ $0.wakeReader() }) == nil, "nothing came")
        #expect(stream.deliver([1, 2]) == (2, false))
        let woken = stream { $0.wakeReader() }
        #expect(words(woken?.0) == "[1, 2]" && woken?.consumed == 2)
        #expect(stream({ $0.wakeReader() }) == nil, "it waits no more")
        #expect(stream({ $0.takePending() }).consumed == 0, "the loop knows it")
    }

    @Test("the loop hears of bytes that were taken when the credit is worth it, and once")
    func credit() {
        let stream = Stream()
        let bytes = [UInt8](repeating: 7, count: YamuxLimits.creditStep)
        #expect(stream.deliver(bytes).held == bytes.count)
        #expect(!stream({ $0.read(upTo: bytes.count - 1) }).mustPost)
        #expect(stream({ $0.read(upTo: 1) }).mustPost)
        _ = stream.deliver(bytes)
        #expect(!stream({ $0.read(upTo: bytes.count) }).mustPost, "it was told")
        #expect(stream({ $0.takePending() }).consumed == 2 * bytes.count)
    }

    @Test("a writer above the bound waits until half of it is free")
    func writing() throws {
        let stream = Stream()
        #expect(try stream({ try $0.write([1, 2, 3, 4]) }) == (false, true))
        #expect(try stream({ try $0.writeImmediately([0, 0, 0, 0, 0, 0, 0]) }) == (false, false), "eleven bytes")
        #expect(try stream({ try $0.write([5, 6, 7, 8, 9, 10, 11]) }) == (true, false))
        // Another one that comes before the first is there to wait.
        #expect(throws: TransportError.self) { try stream({ try $0.write([12]) }) }
        #expect(try stream({ try $0.writeImmediately([]) }) == (false, false))
        #expect(stream({ $0.waitForRoom() }) == nil)
        #expect(stream.drain(5) == ([1, 2, 3, 4, 5], 6, false, false))
        #expect(stream.drain(1) == ([6], 5, false, true))
        #expect(stream.drain(5) == ([7, 8, 9, 10, 11], 0, false, false), "it waits no more")
    }

    @Test("a writer that finds room, or a failure, does not wait")
    func notWaiting() throws {
        let stream = Stream()
        #expect(try stream({ try $0.write([UInt8](repeating: 0, count: 11)) }).mustWait)
        _ = stream.drain(11)
        #expect(stream({ $0.waitForRoom() }) == .some(nil))
        #expect(try stream({ try $0.write([UInt8](repeating: 0, count: 11)) }).mustWait)
        let failed = stream { $0.fail(Self.broken, keepsInput: true, isReset: false) }
        #expect(!failed.wakesWriter && !failed.mustPost)
        #expect(stream({ $0.waitForRoom() }) == .some(Self.broken))
    }

    @Test("after this side has closed its half, nothing is taken, and what was taken still goes")
    func closing() throws {
        let stream = Stream()
        #expect(try stream({ try $0.write([1]) }).mustPost)
        #expect(try !stream({ try $0.closeWrite() }), "the loop was told, and looks")
        #expect(try !stream({ try $0.closeWrite() }), "a second call does nothing")
        #expect(throws: TransportError.self) { try stream({ try $0.write([2]) }) }
        let pending = stream { $0.takePending() }
        #expect(pending.output == 1 && pending.closesWrite && !pending.isReset)
        #expect(stream.drain(1) == ([1], 0, true, false))
    }

    @Test("a failure wakes all that wait, and only the first counts")
    func failing() throws {
        let stream = Stream()
        #expect(words(stream({ $0.readOrWait(upTo: 9) }).0) == "waits")
        #expect(try stream({ try $0.write([UInt8](repeating: 0, count: 11)) }).mustWait)
        #expect(stream({ $0.waitForRoom() }) == nil)
        _ = stream { $0.takePending() }
        let failed = stream { $0.fail(Self.broken, keepsInput: false, isReset: true) }
        #expect(words(failed.reader) == "\(TransportError.Code.connectionClosed)")
        #expect(failed.wakesWriter && failed.mustPost)
        let again = stream { $0.fail(TransportError(.streamReset, "late"), keepsInput: false, isReset: true) }
        #expect(again.reader == nil && !again.wakesWriter && !again.mustPost)
        #expect(throws: Self.broken) { try stream({ try $0.closeWrite() }) }
        #expect(stream.deliver([1]) == (0, true))
        let pending = stream { $0.takePending() }
        #expect(pending.isReset && pending.output == 0)
    }

    @Test("what came before the connection broke is read; a half that had ended has ended")
    func keepsInput() {
        let stream = Stream()
        _ = stream.deliver([1])
        stream { $0.fail(Self.broken, keepsInput: true, isReset: false) }
        #expect(words(stream({ $0.read(upTo: 9) }).0) == "[1]")
        #expect(words(stream({ $0.read(upTo: 9) }).0) == "\(TransportError.Code.connectionClosed)")
        let ended = Stream()
        ended { $0.remoteClosed() }
        ended { $0.fail(Self.broken, keepsInput: true, isReset: false) }
        #expect(words(ended({ $0.read(upTo: 9) }).0) == "end")
    }

    @Test("a stream that nobody holds is reset, unless both halves ended or it was never opened")
    func abandoning() throws {
        let held = Stream()
        _ = held.deliver([1, 2])
        #expect(held({ $0.abandon() }))
        let pending = held { $0.takePending() }
        #expect(pending.isReset && pending.isAbandoned && pending.consumed == 2 && pending.held == 0)
        #expect(held.deliver([3]) == (0, true))

        let unused = Stream(isKnown: false)
        #expect(!unused({ $0.abandon() }))

        let closing = Stream()
        _ = try closing { try $0.write([1]) }
        _ = try closing { try $0.closeWrite() }
        _ = closing { $0.takePending() }
        #expect(closing({ $0.abandon() }), "what waits needs a time limit")
        #expect(!closing({ $0.takePending() }).isReset)

        let over = Stream()
        over { $0.remoteClosed() }
        _ = try over { try $0.closeWrite() }
        _ = over { $0.takePending() }
        #expect(!over({ $0.abandon() }))
    }

    @Test("a stream is opened by the first that waits for its bytes or writes to it")
    func opening() throws {
        let stream = Stream(isKnown: false)
        #expect(!stream({ $0.read(upTo: 1) }).mustPost)
        #expect(stream({ $0.readOrWait(upTo: 1) }).mustPost)
        let other = Stream(isKnown: false)
        #expect(try other({ try $0.write([2]) }).mustPost)
        other { $0.prepend([1]) }
        #expect(other.drain(2).bytes == [1, 2])
        #expect(other({ $0.enqueue([3]) }) >= 1)
    }
}
