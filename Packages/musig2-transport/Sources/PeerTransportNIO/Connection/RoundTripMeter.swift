import NIOCore

/// The time until a Noise message of this side was answered, at most a second.
struct RoundTripMeter {
    /// When the message was sent that is not answered yet, and when bytes came last.
    private var lastSent: NIODeadline?
    private var lastReceived: NIODeadline?
    private(set) var shortest = TimeAmount.seconds(1)

    /// A message was sent that is to be answered. The clock is read only if it is the first.
    mutating func sent(at now: @autoclosure () -> NIODeadline) {
        if lastSent == nil { lastSent = now() }
    }

    /// Bytes have come. The clock is read only while an answer is awaited.
    mutating func received(at now: @autoclosure () -> NIODeadline) {
        if lastSent != nil { lastReceived = now() }
    }

    /// What came was the answer.
    mutating func answered() {
        guard let sent = lastSent, let received = lastReceived else { return }
        shortest = min(shortest, received - sent)
        lastSent = nil
    }
}
