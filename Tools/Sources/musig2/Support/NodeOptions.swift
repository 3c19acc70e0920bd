import ArgumentParser
import Foundation
import Logging
import Multiformats

/// The options of commands that go onto the network.
struct NodeOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help: "Where to listen, as multiaddrs. Default: /ip4/0.0.0.0/tcp/0, all interfaces and a free port.")
    var listen: [String] = []

    @Option(
        name: .long, parsing: .upToNextOption,
        help: "The addresses that others are told, when they differ from those this machine sees (NAT, a name).")
    var announce: [String] = []

    @Option(name: .long, help: "Give up after so many seconds. Default: when the session expires.")
    var timeout: Int?

    @Option(
        name: .long, help: "What is logged to standard error: trace, debug, info, notice, warning, error, critical.")
    var logLevel: String = "error"

    func validate() throws {
        if Logger.Level(rawValue: logLevel) == nil {
            throw ValidationError("--log-level: there is no level \"\(logLevel)\"")
        }
        if let timeout, timeout < 1 { throw ValidationError("--timeout: expected at least 1 second, found \(timeout)") }
    }

    /// Where to listen.
    func listenAddresses() throws(Failure) -> [Multiaddr] {
        try Self.addresses(listen.isEmpty ? ["/ip4/0.0.0.0/tcp/0"] : listen, option: "--listen")
    }

    /// What others are told; empty: what the node finds.
    func announcedAddresses() throws(Failure) -> [Multiaddr] {
        try Self.addresses(announce, option: "--announce")
    }

    /// The logger of the command's run.
    func logger() -> Logger {
        var logger = Logger(label: "musig2", factory: { StreamLogHandler.standardError(label: $0) })
        if let level = Logger.Level(rawValue: logLevel) { logger.logLevel = level }
        return logger
    }

    private static func addresses(_ texts: [String], option: String) throws(Failure) -> [Multiaddr] {
        var addresses: [Multiaddr] = []
        for text in texts {
            do throws(MultiaddrError) {
                addresses.append(try Multiaddr(text))
            } catch {
                throw Failure(
                    .usage, "\(option): \"\(text)\" is not a multiaddr: \(error)",
                    hint: "An example: /ip4/0.0.0.0/tcp/4001")
            }
        }
        return addresses
    }
}
