import FlowKit
import Foundation

/// Runs the flows of the README and prints who did what: 2-of-2 and 3-of-3, in memory and as processes over TCP; and
/// 3-of-3 in every way of discovery through a DHT, over TCP and over WebSocket.
@main
enum Flows {
    static func main() async {
        do {
            for count in [2, 3] {
                say("== \(count)-of-\(count), in memory")
                show(try await InMemoryFlow.run(signers: count, report: report))
            }
            for count in [2, 3] {
                say("== \(count)-of-\(count), \(count) processes over TCP (Noise, yamux) on the loopback interface")
                show(try await ProcessFlow().run(signers: count, report: report))
            }
            for wire in Wire.allCases {
                say("== a DHT of \(nodes) nodes, each a process, over \(wire.rawValue)")
                try await NodeProcesses(count: nodes, over: wire).run(report: report) { bootstrap in
                    for way in Way.allCases {
                        say("== 3-of-3 by \(way.rawValue), 3 processes over \(wire.rawValue)")
                        let flow = try ProcessFlow(by: way, bootstrap: bootstrap, over: wire)
                        show(try await flow.run(signers: 3, report: report))
                    }
                }
            }
            say("all flows completed")
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            exit(1)
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
