import Foundation
import Metrics

/// Measures the packages and prints a table, or JSON.
///
/// `bench [--groups GROUP,GROUP,…] [--peer SHARED-OBJECT] [--python INTERPRETER PROGRAM] [--json FILE] [--signers N,N,…]
/// [--musig2 COMMAND] [--quick]`, or `bench node`, which is the other end of the group `plain`.
@main
enum Bench {
    static func main() async {
        do {
            if CommandLine.arguments.dropFirst() == ["node"] { return try await NodeProcess.serve() }
            try await self.run(Options(CommandLine.arguments.dropFirst()))
        } catch {
            FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ options: Options) async throws {
        var report = Report()
        report.loads.append(loadAverage())
        // Once for the process, before the first coordinator is made.
        let tokens = TokenMeter()
        if options.groups.contains(.abuse) { MetricsSystem.bootstrap(tokens) }
        for group in options.groups {
            switch group {
            case .musig2:
                let stopwatch = options.isQuick ? Stopwatch(rounds: 5, roundLength: .milliseconds(2)) : Stopwatch()
                let peer = try options.peer.map { try Peer(path: $0) }
                let musig2 = MuSig2Benchmarks(stopwatch: stopwatch, peer: peer)
                for count in options.signers { report.measurements += try musig2.measure(signers: count) }
            case .transport:
                report.measurements += try await TransportBenchmarks(isQuick: options.isQuick).measure()
            case .plain:
                report.measurements += try PlainBenchmarks(isQuick: options.isQuick, python: options.python).measure()
            case .sessions:
                report.measurements += try await SessionBenchmarks(isQuick: options.isQuick).measure()
            case .memory:
                report.measurements += try await MemoryBenchmarks(isQuick: options.isQuick).measure()
            case .abuse:
                report.measurements += try await AbuseBenchmarks(isQuick: options.isQuick, tokens: tokens).measure()
                if let program = options.musig2 {
                    report.measurements += try NodeAbuseBenchmarks(isQuick: options.isQuick, program: program).measure()
                }
            }
        }
        report.loads.append(loadAverage())
        FileHandle.standardOutput.write(Data((report.table() + "\n" + report.circumstances + "\n").utf8))
        if let path = options.json {
            try report.json().write(to: URL(filePath: path))
        }
    }
}

/// What the command line asks for.
struct Options {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// What can be measured.
    enum Group: String, CaseIterable {
        /// The steps of BIP-327.
        case musig2
        /// Connections and streams over TCP.
        case transport
        /// A plain client against a node in another process.
        case plain
        /// Whole sessions over TCP.
        case sessions
        /// What sessions leave behind in memory.
        case memory
        /// What those who want to use a node up cost it.
        case abuse
    }

    var groups = Group.allCases
    var peer: String?
    var python: (interpreter: URL, program: String)?
    /// The `musig2` command whose nodes are attacked; nil to attack none.
    var musig2: URL?
    var json: String?
    var signers = [2, 3, 100]
    var isQuick = false

    init(_ arguments: some Sequence<String>) throws {
        var rest = arguments.makeIterator()
        while let argument = rest.next() {
            func value() throws -> String {
                guard let value = rest.next() else { throw Failure(description: "\(argument): expected a value") }
                return value
            }
            switch argument {
            case "--groups":
                self.groups = try value().split(separator: ",").map { name in
                    guard let group = Group(rawValue: String(name)) else {
                        let known = Group.allCases.map(\.rawValue).joined(separator: ", ")
                        throw Failure(description: "--groups: expected some of \(known), found \(name)")
                    }
                    return group
                }
            case "--peer": self.peer = try value()
            case "--python": self.python = (URL(filePath: try value()), try value())
            case "--musig2": self.musig2 = URL(filePath: try value())
            case "--json": self.json = try value()
            case "--quick": self.isQuick = true
            case "--signers":
                self.signers = try value().split(separator: ",").map { text in
                    guard let count = Int(text), (2...1_000).contains(count) else {
                        throw Failure(description: "--signers: expected numbers from 2 to 1000, found \(text)")
                    }
                    return count
                }
            default: throw Failure(description: "unknown argument \(argument)")
            }
        }
    }
}
