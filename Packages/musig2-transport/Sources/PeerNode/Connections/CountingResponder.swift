import PeerTransport

/// A responder with bytes that are counted, and that tells when it has answered.
final class CountingResponder: StreamResponder {
    private let base: any StreamResponder
    private let metrics: PeerNodeMetrics
    private let noteUse: () -> Void

    /// - Parameters:
    ///   - base: The responder.
    ///   - metrics: Where bytes are counted.
    ///   - noteUse: Called when something was answered.
    init(_ base: any StreamResponder, metrics: PeerNodeMetrics, noteUse: @escaping () -> Void) {
        self.base = base
        self.metrics = metrics
        self.noteUse = noteUse
    }

    func begin() -> ResponderAction { counted(base.begin()) }

    func receive(_ bytes: [UInt8]) -> ResponderAction {
        metrics.received(bytes.count)
        return counted(base.receive(bytes))
    }

    func maximumAnswer(to count: Int) -> Int { base.maximumAnswer(to: count) }

    var maximumPiece: Int { base.maximumPiece }

    func resume() -> ResponderAction { counted(base.resume()) }

    func receiveEnd() -> ResponderAction { counted(base.receiveEnd()) }

    private func counted(_ action: ResponderAction) -> ResponderAction {
        switch action {
        case .send(let answer), .sendAndResume(let answer), .finish(let answer):
            guard !answer.isEmpty else { break }
            metrics.sent(answer.count)
            noteUse()
        case .reset, .wait: break
        }
        return action
    }
}
