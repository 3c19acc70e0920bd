import NIOCore
import PeerTransport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Says when a listening socket rests because the system has no descriptor, or memory, for another connection, and when it accepts
/// again: new connections wait with the system meanwhile. Behind ``backoff()``, without which the event loop would do nothing but
/// fail to accept, and all connections on it would stand still.
final class AcceptPauseHandler: ChannelInboundHandler {
    typealias InboundIn = Any

    private let report: (TransportEvent.Kind) -> Void
    /// Whether nobody was accepted since the last failure.
    private var isPaused = false

    /// - Parameter report: Is told when accepting pauses, and when it has worked again.
    init(report: @escaping (TransportEvent.Kind) -> Void) {
        self.report = report
    }

    /// Lets the socket rest for half a second after each such failure.
    static func backoff() -> AcceptBackoffHandler {
        AcceptBackoffHandler { Self.isLack($0) ? .milliseconds(500) : nil }
    }

    private static func isLack(_ error: IOError) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let lack = error as? IOError, Self.isLack(lack) else { return context.fireErrorCaught(error) }
        guard !isPaused else { return }
        isPaused = true
        report(.acceptingPaused(SystemError.accepting(error)))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isPaused {
            isPaused = false
            report(.acceptingResumed)
        }
        context.fireChannelRead(data)
    }
}
