import NIOCore
import PeerTransport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How many files this process may have open; each connection is one.
public enum OpenFiles {
    /// What a process has open beside event loops and connections: its streams, files, listeners, look-ups of names.
    static let others = 24
    /// The fewest connections that are of use.
    static let fewestConnections = 8
    /// The most that are asked for: as many as a process on macOS may have whatever its limit says.
    private static let most: rlim_t = 10_240

    #if os(Linux) && canImport(Glibc)
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let resource = RLIMIT_NOFILE
    #endif

    /// The present limit, the soft one of the system; `Int.max` when there is none.
    public static var limit: Int {
        var limits = rlimit()
        guard getrlimit(resource, &limits) == 0 else { return .max }
        return Int(clamping: limits.rlim_cur)
    }

    /// Raises the limit as far as the system lets it, up to 10,240: for the beginning of a program. Libraries do not do it by
    /// themselves, since it is for the whole process.
    public static func raiseLimit() {
        var limits = rlimit()
        guard getrlimit(resource, &limits) == 0 else { return }
        let wanted = min(limits.rlim_max, most)
        guard wanted > limits.rlim_cur else { return }
        limits.rlim_cur = wanted
        // What is refused stays as it was.
        _ = setrlimit(resource, &limits)
    }

    /// How many connections have room beside what else a process has open.
    ///
    /// - Parameters:
    ///   - limit: How many files may be open.
    ///   - loops: How many event loops there will be, each of which takes three.
    /// - Returns: How many.
    /// - Throws: `TransportError` with `limitExceeded` when they are too few to be of use.
    static func connections(of limit: Int, loops: Int) throws(TransportError) -> Int {
        let reserved = 3 * loops + others
        guard limit >= reserved + fewestConnections else {
            throw TransportError(
                .limitExceeded,
                "open files: this process may have \(limit), expected at least \(reserved + fewestConnections). "
                    + "Raise the limit, for example with: ulimit -n 1024")
        }
        return limit - reserved
    }
}

extension TCPTransport.Limits {
    /// These limits, lowered to so many connections.
    func fitting(_ available: Int) -> TCPTransport.Limits {
        guard available < connections else { return self }
        var limits = self
        limits.connections = available
        limits.inboundConnections = min(inboundConnections, max(1, available - available / 8))
        limits.halfOpenConnections = min(halfOpenConnections, max(1, available / 4))
        return limits
    }
}
