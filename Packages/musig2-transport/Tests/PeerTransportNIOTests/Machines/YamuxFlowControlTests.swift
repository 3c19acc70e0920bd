import Testing

@testable import PeerProtocols

@Suite("The windows and counts of yamux, without a session")
struct YamuxFlowControlTests {
    private let window = YamuxLimits.initialWindow

    @Test("what is sent and granted")
    func sending() {
        var flow = YamuxFlowControl()
        #expect(flow.sendable(10) == 10)
        #expect(flow.sendable(1 << 30) == window)
        flow.sent(window)
        #expect(flow.sendable(10) == 0)
        let isGranted = flow.granted(4)
        #expect(isGranted && flow.sendable(10) == 4)
    }

    @Test("credit is due at half a window, and restores it")
    func crediting() {
        var flow = YamuxFlowControl()
        flow.announced(UInt32(window / 2))
        flow.consumed(Int(window / 2) - 1)
        #expect(!flow.owesCredit)
        flow.consumed(1)
        #expect(flow.owesCredit)
        let credit = flow.credit()
        #expect(credit == UInt32(window / 2) && flow.receiveWindow == window)
    }

    @Test("a window doubles as far as the maximum and what is left allow")
    func growing() {
        var flow = YamuxFlowControl()
        let doubled = flow.grow(upTo: 4 * window, left: 10 * window)
        #expect(doubled == window && flow.growth == window)
        let rest = flow.grow(upTo: 4 * window, left: 7)
        #expect(rest == 7)
        let last = flow.grow(upTo: 2 * window, left: 10 * window)
        #expect(last == 0 && flow.growth == window + 7)
    }

    @Test("ids have the parity of their side, and a stream is counted once")
    func counting() {
        var counts = YamuxCounts(role: .client)
        let ids = [counts.open(), counts.open()]
        #expect(ids == [1, 3] && counts.outbound == 2 && counts.unacknowledged == 2)
        var answered = YamuxStreamState(isInbound: false)
        counts.acknowledged()
        answered.isAcknowledged = true
        counts.removed(answered)
        counts.removed(YamuxStreamState(isInbound: false))
        #expect(counts.outbound == 0 && counts.unacknowledged == 0)
        counts.openedByPeer()
        #expect(counts.inbound == 1)
        counts.removed(YamuxStreamState(isInbound: true))
        #expect(counts.inbound == 0)
    }

    @Test("frames that carry nothing are counted from ping to ping")
    func idling() {
        var frames = YamuxIdleFrames()
        frames.pinged(7)
        let isAwaited = frames.pong(7, maximum: 1)
        #expect(isAwaited == true && !frames.awaitsPong)
        let late = [frames.pong(7, maximum: 1), frames.pong(7, maximum: 1)]
        #expect(late == [false, nil])
        let isAllowed = [frames.emptyFrame(maximum: 1), frames.emptyFrame(maximum: 1)]
        #expect(isAllowed == [true, false])
        frames.beginRead()
        frames.beginRead()
        let isAllowedAgain = frames.emptyFrame(maximum: 1)
        #expect(isAllowedAgain)
    }
}
