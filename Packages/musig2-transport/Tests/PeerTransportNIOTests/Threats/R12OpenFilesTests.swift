import Multiformats
import NIOCore
import PeerTransport
import Testing

@testable import PeerTransportNIO

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// R12: descriptors are used up, or few from the start.
@Suite("Open files", .timeLimit(.minutes(1))) struct R12OpenFilesTests {
    @Test("own limits follow the limit of the system; with too few files it is said")
    func r12OwnLimitsFollow() throws {
        for limit in [12, 30, 37] {
            let error = #expect(throws: TransportError(.limitExceeded, "")) {
                try OpenFiles.connections(of: limit, loops: 2)
            }
            #expect(error?.message.contains("may have \(limit), expected at least 38") == true)
        }
        let few = TCPTransport.Limits().fitting(try OpenFiles.connections(of: 40, loops: 2))
        #expect(few.connections == 10 && few.inboundConnections == 9 && few.halfOpenConnections == 2)
        let some = TCPTransport.Limits().fitting(try OpenFiles.connections(of: 256, loops: 2))
        #expect(some.connections == 226 && some.inboundConnections == 198 && some.halfOpenConnections == 56)
        let usual = TCPTransport.Limits().fitting(try OpenFiles.connections(of: 1_024, loops: 2))
        #expect(usual.connections == 994 && usual.halfOpenConnections == 128)
        let many = TCPTransport.Limits().fitting(try OpenFiles.connections(of: .max, loops: 64))
        #expect(many.connections == TCPTransport.Limits().connections)
        #expect(many.inboundConnections == TCPTransport.Limits().inboundConnections)
    }

    #if os(macOS) || os(Linux)
        @Test("the limit is raised as far as the system lets it")
        func r12TheLimitIsRaised() async {
            await #expect(processExitsWith: .success) {
                setSoftLimit(300)
                #expect(OpenFiles.limit == 300)
                OpenFiles.raiseLimit()
                #expect(OpenFiles.limit > 300)
            }
        }

        @Test("a transport has no more connections than files, and with too few it is an error in words")
        func r12ATransportFits() async {
            await #expect(processExitsWith: .success) {
                setSoftLimit(12)
                #expect(throws: TransportError(.limitExceeded, "")) {
                    try TCPTransport(identity: .generateEd25519())
                }
                setSoftLimit(900)
                let transport = try TCPTransport(identity: .generateEd25519())
                #expect(transport.configuration.limits.connections < 900)
            }
        }

        /// Whoever comes waits with the system, and the loop does not spin: it is told once that accepting pauses, and once that
        /// it goes on.
        @Test("without descriptors accepting pauses and says so, then goes on")
        func r12AcceptingPauses() async {
            await #expect(processExitsWith: .success) {
                let loopback = try await Loopback.listen()
                // All that is made at the first connection is there.
                let (dialed, accepted) = try await loopback.connect()
                _ = try await loopback.events.next()
                guard case .tcp(let port)? = loopback.address.components.dropFirst().first else { return }
                let client = socket(AF_INET, stream, 0)
                let next = open("/dev/null", O_RDONLY)
                close(next)
                let before = OpenFiles.limit
                setSoftLimit(rlim_t(next))
                let isConnected = try SocketAddress(ipAddress: "127.0.0.1", port: Int(port)).withSockAddr {
                    address, size in
                    connect(client, address, socklen_t(size)) == 0
                }
                #expect(isConnected)
                guard case .acceptingPaused(let error) = try await loopback.events.next().kind else {
                    Issue.record("accepting did not pause")
                    return
                }
                #expect(error.code == .limitExceeded)
                // The connections that are there go on.
                let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
                try await opened.write([7])
                #expect(try await other.read(upTo: 1) == [7])
                setSoftLimit(rlim_t(before))
                guard case .acceptingResumed = try await loopback.events.next().kind else {
                    Issue.record("accepting did not go on")
                    return
                }
                close(client)
                let again = try await loopback.connect()
                await again.dialed.close()
            }
        }
    #endif
}

#if os(macOS) || os(Linux)
    #if os(Linux)
        private let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        private let stream = Int32(SOCK_STREAM.rawValue)
    #else
        private let resource = RLIMIT_NOFILE
        private let stream = SOCK_STREAM
    #endif

    private func setSoftLimit(_ count: rlim_t) {
        var limits = rlimit()
        getrlimit(resource, &limits)
        limits.rlim_cur = count
        #expect(setrlimit(resource, &limits) == 0)
    }
#endif
