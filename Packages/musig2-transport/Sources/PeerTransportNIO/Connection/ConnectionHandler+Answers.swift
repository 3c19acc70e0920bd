import NIOCore

/// What answers take between the streams and the socket.
extension ConnectionHandler {
    /// Buffers of a connection that answers are kept up to this size, in bytes, when all is written.
    private static let keptBuffer = 4096

    /// How many bytes wait for the socket to take them.
    var bytesInSocket: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        do { return try options.getOption(.bufferedWritableBytes) } catch { return 0 }
    }

    /// Counts what is written with answers in it, by the memory that it takes, until the socket has taken it.
    func promiseOfAnswers(
        _ size: Int, _ multiplexer: StreamMultiplexer, _ context: ChannelHandlerContext
    ) -> EventLoopPromise<Void> {
        multiplexer.noteInSocket(size)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [weak self] _ in
            // When the connection is over nothing of it is counted any more.
            guard let self, case .running(let multiplexer, _) = phase else { return }
            multiplexer.noteInSocket(-size)
            if !multiplexer.answers.stalled.isEmpty { flush() }
        }
        return promise
    }

    /// The buffers that answers went through are not counted, so they are not kept either.
    func letGoOfBuffers(_ multiplexer: StreamMultiplexer?) {
        guard let multiplexer else { return }
        if multiplexer.output.storageCapacity > Self.keptBuffer, multiplexer.output.readableBytes == 0 {
            multiplexer.output = ByteBuffer()
        }
        if wire.ciphertext.storageCapacity > Self.keptBuffer { wire.ciphertext = ByteBuffer() }
    }
}
