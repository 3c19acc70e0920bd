/// Serves a stream with a responder on the calling task: for transports that cannot call it where they read.
///
/// It returns when the responder has finished, or the stream ended or broke; a responder that wants a reset, and a stream
/// that broke, leave the stream reset.
///
/// - Parameters:
///   - responder: What answers.
///   - stream: The stream, on which nothing was read yet.
public func serve(_ responder: any StreamResponder, on stream: any ByteStream) async {
    do throws(TransportError) {
        while let bytes = try await stream.read(upTo: 65_536) {
            switch responder.receive(bytes) {
            case .send(let answer):
                try await stream.write(answer)
            case .finish(let answer):
                try await stream.write(answer)
                return try await stream.closeWrite()
            case .reset:
                return stream.reset()
            }
        }
        switch responder.receiveEnd() {
        case .send(let answer), .finish(let answer):
            try await stream.write(answer)
            try await stream.closeWrite()
        case .reset:
            stream.reset()
        }
    } catch {
        stream.reset()
    }
}
