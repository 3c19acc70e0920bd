import NIOCore
import PeerTransport
import Testing

@testable import PeerTransportNIO

@Suite("Keep-alive, endings and round trips of a connection, without a connection")
struct KeepAliveTests {
    private var timeouts: TCPTransport.Timeouts {
        var timeouts = TCPTransport.Timeouts()
        timeouts.keepAliveInterval = .seconds(30)
        timeouts.keepAlive = .seconds(10)
        timeouts.waking = .seconds(5)
        return timeouts
    }

    @Test("a ping that is answered, and one that is not")
    func pings() {
        var keepAlive = KeepAlive(timeouts)
        #expect(keepAlive.firstPing == .seconds(30))
        let first = keepAlive.timerFired(awaitsPong: false)
        #expect(first == .ping(1, check: .seconds(10)))
        let answered = keepAlive.timerFired(awaitsPong: false)
        #expect(answered == .wait(.seconds(30)))
        let second = keepAlive.timerFired(awaitsPong: false)
        #expect(second == .ping(2, check: .seconds(10)))
        let silent = keepAlive.timerFired(awaitsPong: true)
        #expect(silent == .giveUp(after: .seconds(10)))
    }

    @Test("a peer that takes in what was sent before the ping is alive")
    func bytesCount() {
        var keepAlive = KeepAlive(timeouts)
        _ = keepAlive.timerFired(awaitsPong: false)
        keepAlive.received()
        let late = keepAlive.timerFired(awaitsPong: true)
        #expect(late == .wait(.seconds(30)))
        // What came before the next ping says nothing of it.
        _ = keepAlive.timerFired(awaitsPong: true)
        let silent = keepAlive.timerFired(awaitsPong: true)
        #expect(silent == .giveUp(after: .seconds(10)))
    }

    @Test("after a sleep the answer must come sooner")
    func wakes() {
        var keepAlive = KeepAlive(timeouts)
        let woken = keepAlive.woke()
        #expect(woken == .ping(1, check: .seconds(5)))
        let silent = keepAlive.timerFired(awaitsPong: true)
        #expect(silent == .giveUp(after: .seconds(5)))
    }

    @Test("empty messages are counted from ping to ping")
    func emptyMessages() {
        var keepAlive = KeepAlive(timeouts)
        for _ in 0..<KeepAlive.maximumEmptyMessages {
            let isAllowed = keepAlive.receivedEmptyMessage()
            #expect(isAllowed)
        }
        let isOneMoreAllowed = keepAlive.receivedEmptyMessage()
        #expect(!isOneMoreAllowed)
        _ = keepAlive.timerFired(awaitsPong: false)
        let isAllowedAgain = keepAlive.receivedEmptyMessage()
        #expect(isAllowedAgain)
    }

    @Test("an end in good order has no reason, a failure of this side stands before what became of the channel")
    func endings() {
        let closed = TransportError(.connectionClosed, "")
        var ending = ConnectionEnding()
        #expect(ending.reason(of: closed) == closed)
        ending.isAnnounced()
        #expect(ending.reason(of: closed) == nil)
        #expect(ending.failure(of: closed) == closed)
        ending.failed(TransportError(.timedOut, ""))
        #expect(ending.reason(of: closed)?.code == .timedOut)
        #expect(ending.failure(of: closed).code == .timedOut)
    }

    @Test("the shortest round trip counts, from the first message to the last bytes before the answer")
    func roundTrips() {
        func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(milliseconds) * 1_000_000) }
        var meter = RoundTripMeter()
        meter.received(at: time(1))
        meter.answered()
        #expect(meter.shortest == .seconds(1))
        meter.sent(at: time(10))
        meter.sent(at: time(20))
        meter.received(at: time(40))
        meter.answered()
        #expect(meter.shortest == .milliseconds(30))
        meter.sent(at: time(100))
        meter.received(at: time(200))
        meter.answered()
        #expect(meter.shortest == .milliseconds(30))
    }
}
