#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A TCP connection to this machine whose calls block.
final class PlainSocket {
    private let descriptor: CInt
    private var buffer: [UInt8]

    init(port: UInt16, _ options: PlainOptions = PlainOptions()) throws {
        self.buffer = [UInt8](repeating: 0, count: options.readBytes)
        #if canImport(Glibc) || canImport(Musl)
            self.descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        #else
            self.descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard self.descriptor >= 0 else { throw Self.failure("socket") }
        if var bytes = options.systemBuffer {
            setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<CInt>.size))
        }
        let descriptor = self.descriptor
        if let host = options.sourceHost {
            let result = Self.withAddress(host, 0) { bind(descriptor, $0, $1) }
            guard result == 0 else { throw Self.failure("bind") }
        }
        let result = Self.withAddress(0x7f00_0001, port) { connect(descriptor, $0, $1) }
        guard result == 0 else { throw Self.failure("connect") }
        var one: CInt = 1
        setsockopt(self.descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        // A peer that does not answer must not hang a run of the benchmarks.
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(self.descriptor)
    }

    private static func withAddress(
        _ host: UInt32, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Hands on what has come, waiting for the first byte; with `isWaiting` false perhaps nothing.
    func read<Result>(isWaiting: Bool, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let count = recv(self.descriptor, &self.buffer, self.buffer.count, isWaiting ? 0 : CInt(MSG_DONTWAIT))
        guard count != 0 else { throw PlainError("the other side closed the connection") }
        guard count > 0 || (!isWaiting && (errno == EAGAIN || errno == EWOULDBLOCK)) else { throw Self.failure("recv") }
        return try self.buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<max(count, 0)])) }
    }

    /// Writes everything.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = send(self.descriptor, rest.baseAddress, rest.count, 0)
            guard count > 0 else { throw Self.failure("send") }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    private static func failure(_ call: String) -> PlainError {
        PlainError("\(call): \(String(cString: strerror(errno)))")
    }
}
