/// Serves a stream by a responder, in the task that calls: for streams of transports that do not do it themselves.
///
/// It returns when the responder has finished or reset the stream, or the stream has failed. While an answer waits for the
/// other side to take it, no more requests are read. How long the other side may stay silent is for the caller to
/// decide: a cancelled task resets the stream.
///
/// - Parameters:
///   - responder: The responder, which nobody else uses.
///   - stream: The stream after its negotiation; nobody else uses it.
public func serve(_ responder: sending any StreamResponder, on stream: any ByteStream) async {
    do throws(TransportError) {
        var action = responder.begin()
        var isOver = false
        while true {
            switch action {
            case .send(let answer):
                if !answer.isEmpty { try await stream.write(answer) }
                if isOver { return try await stream.closeWrite() }
            case .sendAndResume(let answer):
                if !answer.isEmpty { try await stream.write(answer) }
                action = responder.resume()
                continue
            case .finish(let answer):
                if !answer.isEmpty { try await stream.write(answer) }
                return try await stream.closeWrite()
            case .reset:
                return stream.reset()
            case .wait(let wake):
                let woken = OneShot<Bool>()
                wake.onWake { woken.set(true) }
                guard await woken.wait() != nil else { return stream.reset() }
                action = responder.resume()
                continue
            }
            let bytes = try await stream.read(upTo: max(1, min(maximumRequestPiece, responder.maximumPiece)))
            isOver = bytes == nil
            action = bytes.map(responder.receive) ?? responder.receiveEnd()
        }
    } catch {
        stream.reset()
    }
}

/// The most bytes that a responder is given at once by ``serve(_:on:)``.
private let maximumRequestPiece = 65_536
