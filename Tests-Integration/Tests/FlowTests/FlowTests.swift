import FlowKit
import MuSig2Session
import Testing

/// The flows of `make integration`, and larger ones.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct FlowTests {
    @Test(arguments: [2, 3, 5])
    func inMemory(count: Int) async throws {
        let outcome = try await InMemoryFlow.run(signers: count) { _ in }
        #expect(outcome.signatures.count == 1)
    }

    @Test
    func severalMessages() async throws {
        let messages: [[UInt8]] = [[], [1], Array(repeating: 7, count: 1_000)]
        let outcome = try await InMemoryFlow.run(signers: 3, messages: messages) { _ in }
        #expect(outcome.messages == messages)
        #expect(Set(outcome.signatures).count == 3)
    }

    @Test
    func starInMemory() async throws {
        let outcome = try await InMemoryFlow.run(signers: 12, topology: .star) { _ in }
        #expect(outcome.signatures.count == 1)
    }

    @Test(arguments: [2, 3])
    func processesOverTCP(count: Int) async throws {
        let outcome = try await ProcessFlow().run(signers: count) { _ in }
        #expect(outcome.signatures.count == 1)
    }

    @Test
    func processesInStarTopology() async throws {
        let outcome = try await ProcessFlow().run(signers: 4, topology: "star") { _ in }
        #expect(outcome.signatures.count == 1)
    }
}
