import ArgumentParser
import Foundation
import Logging
import Multiformats

/// Spans of time on the command line.
enum Seconds {
    /// As long as a session may live at most: 30 days.
    static let longest = 2_592_000

    /// Refuses what no session needs.
    static func check(_ seconds: Int, option: String) throws {
        guard (1...longest).contains(seconds) else {
            throw ValidationError("\(option): expected 1 to \(longest) seconds (30 days), found \(seconds)")
        }
    }
}

/// What a time limit ends.
protocol TimeoutMeaning {
    /// The words of the help.
    static var help: String { get }
}

/// How long a command runs at most.
struct TimeoutOptions<Meaning: TimeoutMeaning>: ParsableArguments {
    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(Meaning.help, valueName: "seconds"))
    var timeout: Int?

    func validate() throws {
        if let timeout { try Seconds.check(timeout, option: "--timeout") }
    }
}

/// The limit of `create` and `join`.
enum SigningTimeout: TimeoutMeaning {
    static let help = "Give up after so many seconds. Default: when the session expires."
}

/// The limit of `show`.
enum LookTimeout: TimeoutMeaning {
    static let help = "Look for so many seconds, if nobody is found at once."
}

/// The limit of `node`.
enum NodeTimeout: TimeoutMeaning {
    static let help = "End after so many seconds, with status 0. Default: never."
}

/// The limit of `inbox`.
enum WatchTimeout: TimeoutMeaning {
    static let help = "With --watch: end after so many seconds (status 0). Default: never."
}

/// How a command ends that ends before its session.
struct ExitOptions: ParsableArguments {
    @Flag(
        name: .long,
        help:
            "End the session for all signers when this command ends early (Ctrl-C, a signal, --timeout), instead of leaving it."
    )
    var abortOnExit = false
}

/// The options of commands that go onto the network.
struct NodeOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "Where to listen, as multiaddrs, with /ws at the end for WebSocket. Default: /ip4/0.0.0.0/tcp/0, all interfaces "
                + "and a free port.",
            valueName: "address"))
    var listen: [String] = []

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "The addresses to tell others, if they differ from those of this machine (NAT, a name).",
            valueName: "address"))
    var announce: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The level of the log on standard error: trace, debug, info, notice, warning, error, critical. Default: nothing.",
            valueName: "level"))
    var logLevel: String?

    func validate() throws {
        if let logLevel, Logger.Level(rawValue: logLevel) == nil {
            throw ValidationError("--log-level: there is no level \"\(logLevel)\"")
        }
    }

    /// Where to listen.
    func listenAddresses() throws(Failure) -> [Multiaddr] {
        try Self.addresses(listen.isEmpty ? ["/ip4/0.0.0.0/tcp/0"] : listen, option: "--listen")
    }

    /// What others are told; empty: what the node finds. What is too long to be told is said.
    ///
    /// - Parameters:
    ///   - peer: The node's id.
    ///   - output: Where it is said.
    func announcedAddresses(of peer: PeerID, _ output: Output) throws -> [Multiaddr] {
        let announced = try AnnouncedAddresses(Self.addresses(announce, option: "--announce"), of: peer)
        for address in announced.leftOut {
            let words = "\(address) is too long for others to be told"
            try output.progress("notice      \(words)", event: "notice", ["message": .string(words)])
        }
        return announced.addresses
    }

    /// The logger of the command's run. Whatever ends a session is told without it.
    func logger() -> Logger {
        guard let logLevel, let level = Logger.Level(rawValue: logLevel) else {
            return Logger(label: "musig2", factory: { _ in SwiftLogNoOpLogHandler() })
        }
        var logger = Logger(label: "musig2", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = level
        return logger
    }

    /// The addresses that an option or a variable names.
    static func addresses(_ texts: [String], option: String) throws(Failure) -> [Multiaddr] {
        var addresses: [Multiaddr] = []
        for text in texts {
            do throws(MultiaddrError) {
                addresses.append(try Multiaddr(text))
            } catch {
                let reason =
                    error == .noLeadingSlash ? "" : ": \(Failure.reason(error))"
                throw Failure(
                    .usage, "\(option): \"\(text)\" is not a multiaddr\(reason)",
                    hint: "An example: \(example(of: option))")
            }
        }
        return addresses
    }

    /// An address that an option takes: one can listen where nobody can dial.
    private static func example(of option: String) -> String {
        switch option {
        case "--listen": "/ip4/0.0.0.0/tcp/4001"
        case "--announce": "/ip4/203.0.113.7/tcp/4001"
        default: "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…, as `musig2 node` prints it"
        }
    }
}
