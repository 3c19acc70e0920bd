import ArgumentParser
import Foundation

/// `musig2 node status`: ask the node that runs in this home folder.
struct NodeStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the state of the node of this home folder: whether it is ready, its peers, its addresses.",
        discussion: """
            Exit status: 0 when the node is ready, 6 when it runs and is not ready, 1 when no node runs in this home folder.
            """)

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp("Wait up to this long until the node is ready.", valueName: "seconds"))
    var wait: Int?

    @OptionGroup var home: HomeOptions
    @OptionGroup var options: OutputOptions

    func validate() throws {
        if let wait { try Seconds.check(wait, option: "--wait") }
    }

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let end = ContinuousClock.now + .seconds(wait ?? 0)
            var status = try ask()
            while status?.isReady != true, ContinuousClock.now < end {
                try await Task.sleep(for: Self.interval)
                status = try ask()
            }
            guard let status else {
                throw Failure(
                    .failure, "no node runs in \(home.folder.path)",
                    hint: "Start one with `musig2 node`, or name its folder with --home.")
            }
            try output.result(status.lines().joined(separator: "\n"), event: "status", status.json())
            guard status.isReady else {
                throw Failure(
                    .network, "the node is not ready: no other node of the network \(status.network) answers",
                    hint: "Does the node that it was given with --bootstrap run, under the same --network?")
            }
        }
    }

    /// How often a node that is waited for is asked.
    private static let interval = Duration.milliseconds(100)

    /// The status of the node; nil when none runs.
    private func ask() throws(Failure) -> NodeStatus? {
        let folder = NodeFolder(of: home)
        guard let text = try StatusSocket.ask(NodeFolder.socket, in: folder.path), !text.isEmpty else { return nil }
        guard let status = NodeStatus(text) else {
            throw Failure(
                .failure, "the node in \(home.folder.path) is of a version that this command does not understand",
                hint: "Start it again with this version.")
        }
        return status
    }
}
