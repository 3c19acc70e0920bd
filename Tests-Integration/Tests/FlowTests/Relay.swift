import NIOCore
import NIOPosix

/// A TCP relay on the loopback interface, with connections that a test can cut.
final class Relay: Sendable {
    /// Where it listens.
    let port: Int

    private let connections: AsyncStream<any Channel>

    private init(port: Int, connections: AsyncStream<any Channel>) {
        self.port = port
        self.connections = connections
    }

    /// Listens and passes on what comes, while something is done.
    ///
    /// - Parameters:
    ///   - body: Is given the relay, and the port that it passes everything on to, where nobody listens yet.
    static func run(_ body: (_ relay: Relay, _ target: Int) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<Void, any Error>
        do {
            // The system gives out other ports for a while.
            let probe = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
            let target = probe.localAddress?.port ?? 0
            try await probe.close()
            let (connections, accept) = AsyncStream.makeStream(of: (any Channel).self)
            let listener = try await ServerBootstrap(group: group)
                .childChannelOption(.autoRead, value: false)
                .childChannelInitializer { inbound in
                    join(inbound, to: target) { accept.yield($0) }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            result = .success(
                try await body(Relay(port: listener.localAddress?.port ?? 0, connections: connections), target))
        } catch {
            result = .failure(error)
        }
        try await group.shutdownGracefully()
        try result.get()
    }

    /// Connects to the target, and reads only then.
    private static func join(
        _ inbound: any Channel, to port: Int, _ joined: @escaping @Sendable (any Channel) -> Void
    ) -> EventLoopFuture<Void> {
        ClientBootstrap(group: inbound.eventLoop)
            .channelInitializer { outbound in
                outbound.eventLoop.makeCompletedFuture {
                    try outbound.pipeline.syncOperations.addHandler(Pass(to: inbound))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .flatMapThrowing { outbound in
                try inbound.pipeline.syncOperations.addHandler(Pass(to: outbound))
                joined(outbound)
            }
            .flatMap { inbound.setOption(.autoRead, value: true) }
    }

    /// Cuts the connection that was made first: both its sides see an end. What the target has sent still arrives.
    func cutFirst() async throws {
        for await channel in connections {
            try await channel.close(mode: .output)
            return
        }
    }

    /// Passes bytes on, and the end.
    private final class Pass: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel

        init(to other: any Channel) {
            self.other = other
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            other.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
