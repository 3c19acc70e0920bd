import FlowKit
import Foundation

/// Runs the flows of the README and prints what each signer did: 2-of-2 and 3-of-3, in memory and as processes over TCP; and
/// 3-of-3 in every way of discovery through a DHT, over TCP and over WebSocket.
@main
enum Flows {
    private static let table = FlowTable()

    static func main() async {
        do {
            for count in [2, 3] {
                try await run("\(count)-of-\(count), in memory") {
                    try await InMemoryFlow.run(signers: count, report: report)
                }
            }
            for count in [2, 3] {
                try await run("\(count)-of-\(count), \(count) processes over TCP") {
                    try await ProcessFlow().run(signers: count, report: report)
                }
            }
            for wire in Wire.allCases {
                say("== a DHT of \(nodes) nodes, each a process, over \(wire.rawValue)")
                try await NodeProcesses(count: nodes, over: wire).run(report: report) { bootstrap in
                    for way in Way.allCases {
                        try await run("3-of-3 by \(way.rawValue), 3 processes over \(wire.rawValue)") {
                            try await ProcessFlow(by: way, bootstrap: bootstrap, over: wire)
                                .run(signers: 3, report: report)
                        }
                    }
                }
            }
            say("\n\(table)\nall flows completed")
        } catch {
            say("\n\(table)")
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            exit(1)
        }
    }

    /// Runs a flow, shows what came of it, and enters it into the table.
    private static func run(_ name: String, _ flow: @Sendable () async throws -> Outcome) async throws {
        say("== \(name)")
        let began = ContinuousClock.now
        do {
            let outcome = try await flow()
            show(outcome)
            table.add(name, verified: outcome.signatures.count, took: .now - began)
        } catch {
            table.add(name, verified: nil, took: .now - began)
            throw error
        }
    }

    /// How many nodes a DHT has.
    private static let nodes = 8

    private static func show(_ outcome: Outcome) {
        say("   shared key  \(outcome.key)")
        for signature in outcome.signatures { say("   signature   \(signature)  verified (BIP-340)") }
    }

    @Sendable
    private static func report(_ line: String) {
        say("   \(line)")
    }

    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }
}
