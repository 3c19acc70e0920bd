import PeerTransport
import WireCodec

/// Tells the identity of this node, and nothing else: the answering side of `/ipfs/id/1.0.0`.
final class IdentifyResponder: StreamResponder {
    private let answer: () -> [UInt8]

    /// - Parameter answer: Makes the message, with its length in front.
    init(answer: @escaping () -> [UInt8]) {
        self.answer = answer
    }

    func begin() -> ResponderAction { .finish(answer()) }

    func receive(_ bytes: [UInt8]) -> ResponderAction { .reset }

    func receiveEnd() -> ResponderAction { .finish([]) }
}

/// Takes what a peer says has changed: the answering side of `/ipfs/id/push/1.0.0`.
final class IdentifyPushResponder: StreamResponder {
    private var reader = IdentifyReader()
    private let deliver: (Result<Identify, IdentifyError>) -> Void
    private let onEnd: () -> Void

    /// - Parameters:
    ///   - deliver: Takes the message, or why there is none.
    ///   - onEnd: Called when the stream is over, however it ended.
    init(deliver: @escaping (Result<Identify, IdentifyError>) -> Void, onEnd: @escaping () -> Void) {
        self.deliver = deliver
        self.onEnd = onEnd
    }

    deinit {
        onEnd()
    }

    func receive(_ bytes: [UInt8]) -> ResponderAction {
        do throws(IdentifyError) {
            try reader.feed(bytes)
            return .send([])
        } catch {
            deliver(.failure(error))
            return .reset
        }
    }

    func receiveEnd() -> ResponderAction {
        do throws(IdentifyError) {
            deliver(.success(try reader.finish()))
            return .finish([])
        } catch {
            deliver(.failure(error))
            return .reset
        }
    }
}
