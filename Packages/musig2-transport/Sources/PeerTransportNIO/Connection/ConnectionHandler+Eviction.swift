import NIOCore
import PeerTransport

/// How a connection makes room for newer ones.
extension ConnectionHandler {
    /// Lets others ask this connection to make room: while nobody knows yet whose it is, or when its address has too many.
    func makeEvictable() {
        guard role.isInbound, let eventLoop = context?.eventLoop else { return }
        let loopBound = NIOLoopBound(Weak(self), eventLoop: eventLoop)
        role.slot.onEviction { eviction in
            eventLoop.execute {
                guard let handler = loopBound.value.object else { return }
                switch handler.phase {
                case .idle, .upgrading:
                    handler.fail(
                        TransportError(
                            .limitExceeded, "the handshake took long, and newer connections needed its place"))
                case .running:
                    guard eviction == .crowded else { return }
                    handler.fail(
                        TransportError(
                            .limitExceeded, "its address had most connections of a network that has all it may"))
                case .closing, .closed:
                    return
                }
            }
        }
    }
}

/// A reference that does not keep its object alive.
private struct Weak<Object: AnyObject> {
    weak var object: Object?

    init(_ object: Object) {
        self.object = object
    }
}
