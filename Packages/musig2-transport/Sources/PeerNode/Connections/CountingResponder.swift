import PeerTransport

/// A responder whose bytes are counted.
final class CountingResponder: StreamResponder {
    private let base: any StreamResponder
    private let metrics: PeerNodeMetrics

    init(_ base: any StreamResponder, metrics: PeerNodeMetrics) {
        self.base = base
        self.metrics = metrics
    }

    func begin() -> ResponderAction { counted(base.begin()) }

    func receive(_ bytes: [UInt8]) -> ResponderAction {
        metrics.received(bytes.count)
        return counted(base.receive(bytes))
    }

    func maximumAnswer(to count: Int) -> Int { base.maximumAnswer(to: count) }

    func resume() -> ResponderAction { counted(base.resume()) }

    func receiveEnd() -> ResponderAction { counted(base.receiveEnd()) }

    private func counted(_ action: ResponderAction) -> ResponderAction {
        switch action {
        case .send(let answer), .sendAndResume(let answer), .finish(let answer):
            if !answer.isEmpty { metrics.sent(answer.count) }
        case .reset: break
        }
        return action
    }
}
