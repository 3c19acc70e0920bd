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

    @Test(arguments: Wire.allCases)
    func everyWayThroughADHTOfEight(wire: Wire) async throws {
        try await SocketFlow.withNodes(over: wire) { bootstrap in
            for way in Way.allCases {
                let outcome = try await SocketFlow.sign(signers: 3, by: way, bootstrap: bootstrap, over: wire)
                #expect(outcome.signatures.count == 1, "by \(way.rawValue)")
            }
        }
    }

    @Test(arguments: Way.allCases)
    func processesThroughADHT(way: Way) async throws {
        let outcome = try await NodeProcesses(count: 3).run { bootstrap in
            try await ProcessFlow(by: way, bootstrap: bootstrap).run(signers: 3) { _ in }
        }
        #expect(outcome.signatures.count == 1)
    }
}
