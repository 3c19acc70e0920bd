import NIOCore
import PeerTransport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Lets a listening socket rest when the system has no descriptor, or memory, for another connection: whoever comes waits with the
/// system. Without, the event loop would do nothing but fail to accept, and all connections on it would stand still.
final class AcceptPauseHandler: ChannelInboundHandler {
    typealias InboundIn = Any

    /// How long it rests before it tries again.
    static let pause = TimeAmount.milliseconds(500)

    private let report: (TransportEvent.Kind) -> Void
    /// Whether nobody was accepted since the last failure.
    private var isPaused = false
    private var resumption: Scheduled<Void>?

    /// - Parameter report: Is told when accepting pauses, and when it has worked again.
    init(report: @escaping (TransportEvent.Kind) -> Void) {
        self.report = report
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let code = (error as? IOError)?.errnoCode, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) else {
            return context.fireErrorCaught(error)
        }
        if !self.isPaused {
            self.isPaused = true
            self.report(.acceptingPaused(SystemError.accepting(error)))
        }
        guard self.resumption == nil else { return }
        self.setReading(false, context)
        self.resumption = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.resumption = nil
            self.setReading(true, context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.isPaused {
            self.isPaused = false
            self.report(.acceptingResumed)
        }
        context.fireChannelRead(data)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.resumption?.cancel()
        self.resumption = nil
    }

    private func setReading(_ isReading: Bool, _ context: ChannelHandlerContext) {
        // Of a closed channel it fails, and does not matter.
        context.channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }
}
