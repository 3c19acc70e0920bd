import Multiformats
import NIOCore
import NIOPosix
import PeerTransport
import Testing

@testable import PeerTransportNIO

@Suite("Tasks on the event loop", .timeLimit(.minutes(1)))
struct LoopTaskExecutorTests {
    private func isOnLoop() -> Bool { MultiThreadedEventLoopGroup.currentEventLoop != nil }

    @Test("a task that prefers the connection's executor waits and goes on there, and leaves it")
    func staysOnTheLoop() async throws {
        let (dialed, accepted) = try await Loopback.listen().connect()
        let (opened, answering) = try await Loopback.stream(from: dialed, to: accepted)
        let executor = try #require(dialed.taskExecutor)
        #expect(!isOnLoop())
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Elsewhere, so that each answer is waited for.
            group.addTask {
                while let bytes = try await answering.read(upTo: 100) { try await answering.write(bytes) }
                try await answering.closeWrite()
            }
            try await withTaskExecutorPreference(executor) {
                for round in 0..<100 {
                    try await opened.write([UInt8(round)])
                    #expect(try await opened.read(upTo: 1) == [UInt8(round)])
                    #expect(isOnLoop())
                }
                try await opened.closeWrite()
                #expect(try await opened.read(upTo: 1) == nil)
            }
            try await group.waitForAll()
        }
        #expect(!isOnLoop())
        await dialed.close()
    }

    @Test("a task there that fills the window does not keep the loop from emptying it")
    func moreThanTheWindow() async throws {
        let (dialed, accepted) = try await Loopback.listen().connect()
        let (opened, answering) = try await Loopback.stream(from: dialed, to: accepted)
        let bytes = [UInt8](repeating: 7, count: 3_000_000)
        async let received = withTaskExecutorPreference(accepted.taskExecutor) { try await answering.readToEnd() }
        try await withTaskExecutorPreference(dialed.taskExecutor) {
            try await opened.write(bytes)
            try await opened.closeWrite()
        }
        #expect(try await received == bytes)
        await dialed.close()
    }

    @Test("a task there is woken by its cancellation, and by the end of the connection")
    func ends() async throws {
        let (dialed, accepted) = try await Loopback.listen().connect()
        let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
        let reading = Task(executorPreference: dialed.taskExecutor) { try await opened.read(upTo: 1) }
        reading.cancel()
        await #expect(throws: TransportError(.cancelled, "")) { try await reading.value }
        let again = Task(executorPreference: dialed.taskExecutor) {
            await dialed.close()
            return try await opened.read(upTo: 1)
        }
        await #expect(throws: TransportError(.connectionClosed, "")) { try await again.value }
        // A stream that nobody holds would have been reset before.
        other.reset()
    }
}
