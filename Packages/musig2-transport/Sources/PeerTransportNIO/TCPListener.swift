import Multiformats
import NIOCore
@_spi(Waiting) import PeerTransport

/// Accepts TCP connections at one address.
final class TCPListener: Listener {
    let addresses: [Multiaddr]

    private let channel: any Channel
    private let accepted: BoundedInbox<TCPConnection>

    init(
        channel: any Channel, isWebSocket: Bool, localPeer: PeerID, accepted: BoundedInbox<TCPConnection>
    ) throws(TransportError) {
        guard let local = channel.localAddress,
            let address = TCPAddress.multiaddr(local, isWebSocket: isWebSocket)
        else {
            throw TransportError(.systemFailure, "the listening socket has no IP address")
        }
        do throws(MultiaddrError) {
            addresses = [try address.appending(localPeer)]
        } catch {
            throw TransportError(.systemFailure, "the listening socket has no usable address", underlying: "\(error)")
        }
        self.channel = channel
        self.accepted = accepted
        // However the socket comes to its end, nobody waits for connections any more.
        channel.closeFuture.whenComplete { _ in Self.drop(accepted) }
    }

    func accept() async throws(TransportError) -> (any Connection)? {
        try await accepted.next()
    }

    func close() async {
        channel.close(promise: nil)
        let closed = OneShot<Void>()
        channel.closeFuture.whenComplete { _ in closed.set(()) }
        _ = await closed.wait()
        Self.drop(accepted)
    }

    private static func drop(_ accepted: BoundedInbox<TCPConnection>) {
        for connection in accepted.close() { connection.closeSoon() }
    }
}
