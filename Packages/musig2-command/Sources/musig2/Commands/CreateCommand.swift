import ArgumentParser
import Foundation
import MuSig2
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import Secp256k1

/// `musig2 create`: make a session and see it through.
struct CreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a session, print the invitation for the other signers, and sign with them.",
        discussion: """
            Prints the invitation first; send it to the other signers in any way you like. With --bootstrap, prints the session \
            id above it, which is all they need in the same network.

            Then shows which signers have joined and how far the rounds are, and at the end one signature for each message. \
            Your own key must be among the signers. Keep the command running until it has printed the signature: Ctrl-C, \
            SIGTERM, a closed terminal and --timeout leave the session, and `musig2 join` with the invitation resumes it as \
            long as another signer is in it; --abort-on-exit ends it for all signers instead. If a signer declines, the \
            session ends for all, and the exit status is 4.

            The signers approve the messages and the final key, all tweaks applied. The command shows this key, and with \
            --expect-key creates no session for another one. --tweak needs --allow-tweak --expect-key here and at each \
            `musig2 join`: with tweaks, the signer keys do not reveal the key that is signed for.
            """)

    @OptionGroup var signers: SignersOptions
    @OptionGroup var message: MessageOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How the signers communicate: mesh, all with all, for at most 32; star, all with one; automatic, by their number.",
            valueName: "name"))
    var topology: TopologyName = .automatic

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp("The lifetime of the session. Default: 7200.", valueName: "seconds"))
    var expiry: Int?

    @Flag(name: .long, help: "Exchange commitments to the nonces first (mesh only).")
    var commitments = false

    @Option(
        name: .long,
        help: ArgumentHelp("A note that all signers see. May be repeated.", valueName: "key=value"))
    var note: [String] = []

    @Flag(name: .long, help: "Also show the invitation as a QR code. Not with --json.")
    var qr = false

    @OptionGroup var finalKey: FinalKeyOptions
    @OptionGroup var discovery: DiscoveryOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var timeout: TimeoutOptions<SigningTimeout>
    @OptionGroup var exit: ExitOptions
    @OptionGroup var options: OutputOptions

    func validate() throws {
        if let expiry { try Seconds.check(expiry, option: "--expiry") }
    }

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let interruption = await Interruption()
            let signer = try SignerNode(home: home, node: node, network: network)
            let request = try request(hasNetwork: !signer.bootstrap.isEmpty)
            try check(request)
            try checkOwnKey(request.signerKeys)
            let signing = SigningCommand(
                signer: signer, timeout: timeout.timeout, output: output,
                consent: ApproveEverything().allowingRawTweaks(), interruption: interruption,
                abortsOnExit: exit.abortOnExit, needsNetwork: needsNetwork(for: request.discovery),
                beforeSession: Failure(
                    .expired, "no session was made: the DHT of --bootstrap was not entered",
                    hint:
                        "Nothing is signed. Does `musig2 node` run there, and can this machine reach it? Without --bootstrap, "
                        + "the invitation alone brings the signers together."),
                onDecline: .end)
            try await signing.run { node in
                let coordinator = node.coordinator
                let created = try await coordinator.createSession(request)
                try signer.claim(created.id)
                try tell(created, await coordinator.descriptor(of: created.id), ways: request.discovery, signer, output)
                return created.id
            }
        }
    }

    /// How many rows of a message its creator sees.
    private static let messageRows = 12

    /// Prints what the other signers need, and what they will see.
    private func tell(
        _ created: CreatedSession, _ descriptor: SessionDescriptor?, ways: Set<DiscoveryMethod>, _ signer: SignerNode,
        _ output: Output
    ) throws {
        let invitation = created.invitation.description
        // An id leads nowhere where no node of the DHT was reached.
        let place = signer.networkWords
        try output.result(
            place == nil ? invitation : "\(created.id)\n\(invitation)", event: "invitation",
            [
                "session": .string("\(created.id)"), "invitation": .string(invitation),
                "discovery": .strings(ways.map(\.name).sorted()), "finalKey": .string("\(created.finalKey)"),
            ])
        if qr { show(invitation, output) }
        if let descriptor {
            // What it made itself it need not see whole.
            let ownKey = descriptor.signerKeys[descriptor.creator]
            let view = SessionView(descriptor: descriptor, ownKey: ownKey, now: Date())
            try output.progress(
                view.lines(columns: Terminal.columns(of: STDERR_FILENO), rows: Self.messageRows).joined(
                    separator: "\n"), event: "created", view.json())
        }
        guard !ways.isEmpty, let place else { return }
        let words = ways == [.inbox] ? "musig2 inbox\(place)" : "musig2 join \(created.id)\(place)"
        try output.progress("to join     \(words)", event: "toJoin", ["command": .string(words)])
    }

    /// Draws the invitation. In capitals, which are the same invitation, it takes fewer modules.
    private func show(_ invitation: String, _ output: Output) {
        guard let code = QRCode(invitation.uppercased()) else {
            output.tell("notice      the invitation is too long for a QR code: announce fewer addresses")
            return
        }
        if let columns = Terminal.size(of: STDERR_FILENO)?.columns, columns < code.columns {
            output.tell(
                "notice      the QR code is \(code.columns) columns wide, and the terminal has \(columns): make it wider, or its "
                    + "characters smaller, and create the session again")
            return
        }
        output.tell(code.lines(colored: Output.colors.areOn).joined(separator: "\n"))
    }

    /// Whether a session without the DHT is not what was asked for. What the environment names is a help: the invitation
    /// works without.
    private func needsNetwork(for ways: Set<DiscoveryMethod>) -> Bool {
        !ways.isEmpty && (!network.bootstrap.isEmpty || !discovery.discovery.isEmpty)
    }

    private func request(hasNetwork: Bool) throws(Failure) -> SessionRequest {
        try check(signers.named())
        var request = SessionRequest(signers: try signers.keys(), messages: try message.messages())
        request.isSorted = signers.order == .sorted
        request.tweaks = try signers.tweaks()
        request.topology = topology.value
        request.hasCommitmentRound = commitments
        request.discovery = try discovery.ways(hasNetwork: hasNetwork)
        if let expiry { request.lifetime = .seconds(expiry) }
        for text in note {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw Failure(.usage, "--note: \"\(text)\": expected KEY=VALUE")
            }
            guard request.metadata.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw Failure(.usage, "--note: \"\(parts[0])\" is given twice")
            }
        }
        return request
    }

    /// Refuses a session that is not for the key the person expects, before anything of it exists.
    private func check(_ request: SessionRequest) throws(Failure) {
        let expected = try finalKey.expected()
        let refusal = finalKey.refusal(
            of: try signers.context().xOnlyKey, hasRawTweaks: !request.tweaks.isEmpty, expected: expected)
        guard let refusal else { return }
        let isInTheOrderGiven = try signers.contexts().contains {
            $0.order == .given && $0.context.xOnlyKey == expected
        }
        throw Failure(
            .refused, refusal,
            hint: "No session was made."
                + (isInTheOrderGiven ? " Expected is the key of the signers in the order given: --given-order." : ""))
    }

    /// Refuses a session in which this signer would have no part.
    private func checkOwnKey(_ keys: [PublicKey]) throws(Failure) {
        let ownKey = try KeyFile.load(at: home.keyFile).publicKey
        guard !keys.contains(ownKey) else { return }
        throw Failure(
            .usage, "--signers: your own key is not among the \(keys.count) keys",
            hint: "Your key is \(ownKey): name it too, or name the folder of another key with --home.")
    }

    /// Refuses what cannot become a session, in the numbers that a person counts by.
    private func check(_ keys: [PublicKey]) throws(Failure) {
        guard keys.count >= 2 else {
            throw Failure(
                .usage, "--signers: expected at least 2, found \(keys.count)",
                hint: "Name the public keys of all signers, your own among them.")
        }
        var places: [XOnlyPublicKey: Int] = [:]
        for (index, key) in keys.enumerated() {
            guard let first = places.updateValue(index, forKey: key.xOnly) else { continue }
            throw Failure(
                .usage, "--signers: key \(first + 1) and key \(index + 1) are the same",
                hint: "A key signs once in a session. A signer with several shares needs several keys.")
        }
        let limit = MuSig2Coordinator.Configuration().limits.meshSigners
        guard topology != .mesh || keys.count <= limit else {
            throw Failure(
                .usage, "--topology mesh: expected at most \(limit) signers, found \(keys.count)",
                hint: "Take star, or leave --topology away.")
        }
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
