import ArgumentParser
import Foundation
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import Secp256k1

/// `musig2 inbox`: the sessions that wait for one's own key.
struct InboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inbox",
        abstract: "List the sessions that wait for your key, and how to join them; signs nothing.",
        usage: "musig2 inbox [--watch] [--bootstrap <address> ...] [<options>]",
        discussion: """
            Finds the sessions that were created with --discovery inbox and have your public key among their signers, while the \
            command of another signer is running. Anyone with your public key can write to your inbox, so read what you \
            find carefully; nothing is signed before you join. An empty inbox is no error: status 0.
            """)

    @Flag(name: .long, help: "Keep looking, and show each further session, until Ctrl-C (status 0).")
    var watch = false

    @OptionGroup var timeout: TimeoutOptions<WatchTimeout>

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp("With --watch: how often to look. Default: 30.", valueName: "seconds"))
    var every: Int?

    /// How often the inbox is looked at, in seconds, when nothing is said.
    private static let defaultInterval = 30

    @OptionGroup var network: NetworkOptions
    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var options: OutputOptions

    func validate() throws {
        if let every {
            try Seconds.check(every, option: "--every")
            guard watch else { throw ValidationError("--every: of use with --watch alone") }
        }
        guard watch || timeout.timeout == nil else { throw ValidationError("--timeout: of use with --watch alone") }
    }

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let interruption = await Interruption()
            StandardStreams.ignoreBrokenPipes()
            let signer = try SignerNode(home: home, node: node, network: network)
            guard !signer.bootstrap.isEmpty else {
                throw Failure(
                    .usage, "an inbox is in a DHT, and there is no --bootstrap",
                    hint: "Give --bootstrap the same address as the creators of sessions do.")
            }
            let ownKey = try KeyFile.load(at: home.keyFile).publicKey
            let signing = try await signer.start(consent: .ownSessions, output)
            let result = await withTaskGroup(of: Result<Void, Failure>.self) { group in
                group.addTask { await read(signer, signing, ownKey, output) }
                group.addTask {
                    await interruption.wait(atMost: timeout.timeout)
                    return watch ? .success(()) : .failure(Failure(.interrupted, "interrupted"))
                }
                let first = await group.next() ?? .success(())
                group.cancelAll()
                return first
            }
            await signing.shutdown()
            try result.get()
        }
    }

    private func read(
        _ signer: SignerNode, _ node: SigningNode, _ ownKey: PublicKey, _ output: Output
    ) async -> Result<Void, Failure> {
        do {
            try await signer.enterNetwork(node, output)
            var shown: Set<SessionID> = []
            for preview in try await node.coordinator.inbox() {
                shown.insert(preview.session)
                try show(preview, signer, ownKey, output)
            }
            if shown.isEmpty {
                try output.progress(
                    "empty       nothing waits for your key \(ownKey)", event: "empty",
                    ["publicKey": .string("\(ownKey)")])
            }
            guard watch else { return .success(()) }
            for await event in try await node.coordinator.watchInbox(every: .seconds(every ?? Self.defaultInterval)) {
                guard case .waiting(let preview) = event, shown.insert(preview.session).inserted else { continue }
                try show(preview, signer, ownKey, output)
            }
            return .success(())
        } catch {
            return .failure(Failure.from(error))
        }
    }

    /// Prints one session, and how to join it.
    private func show(
        _ preview: SessionPreview, _ signer: SignerNode, _ ownKey: PublicKey, _ output: Output
    ) throws {
        let view = SessionView(descriptor: preview.descriptor, ownKey: ownKey, now: Date())
        let words = "musig2 join \(preview.session)\(signer.networkWords ?? "")"
        let invitation = SessionInvitation(session: preview.session, addresses: preview.addresses)
        var fields = view.json()
        fields["invitation"] = .string(invitation.description)
        fields["creatorKey"] = .string("\(preview.descriptor.signerKeys[preview.descriptor.creator])")
        fields["command"] = .string(words)
        // Anybody may write into an inbox: what fills screens is shown by `musig2 show`, and before joining.
        let lines = view.lines(columns: Terminal.columns(of: STDOUT_FILENO), rows: Self.messageRows)
        try output.result(
            (lines + ["join it     \(words)", ""]).joined(separator: "\n"), event: "waiting", fields)
    }

    /// How many rows of a message are listed.
    private static let messageRows = 12
}
