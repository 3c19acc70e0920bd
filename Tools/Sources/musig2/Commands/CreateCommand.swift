import ArgumentParser
import MuSig2Coordinator
import MuSig2Session
import Multiformats

/// `musig2 create`: make a session and see it through.
struct CreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a session, print the invitation for the other signers, and sign with them.",
        discussion: """
            Prints the invitation first; give it to the other signers by any way you like. Then shows who joined and how far the
            rounds are, and at the end one signature for each message. Your own key must be among the signers.
            """)

    @OptionGroup var signers: SignersOptions
    @OptionGroup var message: MessageOptions

    @Option(name: .long, help: "How the signers talk: automatic, mesh or star.")
    var topology: TopologyName = .automatic

    @Option(name: .long, help: "How many seconds the session lives. Default: 7200.")
    var expiry: Int?

    @Flag(name: .long, help: "Commit to the nonces before they are shown (mesh only).")
    var commitments = false

    @Option(name: .long, help: "A note that all signers see: KEY=VALUE. May be repeated.")
    var note: [String] = []

    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var options: OutputOptions

    func validate() throws {
        if let expiry, expiry < 1 { throw ValidationError("--expiry: expected at least 1 second, found \(expiry)") }
    }

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let request = try request()
            let signing = SigningCommand(home: home, node: node, output: output, consent: .approveEverything)
            try await signing.run { coordinator in
                let created = try await coordinator.createSession(request)
                let invitation = created.invitation.description
                try output.result(
                    invitation, event: "invitation",
                    ["session": .string("\(created.id)"), "invitation": .string(invitation)])
                return created.id
            }
        }
    }

    private func request() throws(Failure) -> SessionRequest {
        var request = SessionRequest(signers: try signers.keys(), messages: try message.messages())
        request.sortsSigners = signers.sorted
        request.tweaks = try signers.tweaks()
        request.topology = topology.value
        request.hasCommitmentRound = commitments
        if let expiry { request.lifetime = .seconds(expiry) }
        for text in note {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw Failure(.usage, "note \"\(text)\": expected KEY=VALUE")
            }
            request.metadata[String(parts[0])] = String(parts[1])
        }
        return request
    }
}

/// How signers talk, by the names of the command line.
enum TopologyName: String, ExpressibleByArgument, CaseIterable {
    case automatic
    case mesh
    case star

    /// The same in a request.
    var value: SessionPlan.Topology {
        switch self {
        case .automatic: .automatic
        case .mesh: .mesh
        case .star: .star
        }
    }
}
