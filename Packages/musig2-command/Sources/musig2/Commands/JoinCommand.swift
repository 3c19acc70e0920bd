import ArgumentParser
import Foundation
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import Secp256k1

/// `musig2 join`: look at a session, and sign with the others if the person agrees.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Join a session by its id or its invitation: show what is to be signed, ask, and sign.",
        discussion: """
            With --bootstrap the id is enough: the DHT names peers that can show the session. If it names none, the command looks \
            for the session in your inbox. That takes a few seconds; with --timeout it repeats both until the time is over. An \
            invitation names the peers itself.

            Before you say yes, the command only asks other signers to show the session. You approve the messages and the final \
            key, all tweaks applied: compare the key with the one you expect, or name it with --expect-key; --expect-file and \
            --expect-hex name the messages. A session with raw tweaks is refused without --allow-tweak --expect-key.

            If you say no, the command asks whether to tell the other signers; --decline says no and tells them without asking \
            (exit status 0 if another signer received it, 6 if not). The creator's command then ends the session; if they are \
            not told, the others wait.

            Without a terminal, --yes or --decline is needed. Keep the command running until it has printed the signature. \
            Ctrl-C, SIGTERM, a closed terminal and --timeout leave the session; the others wait. To resume, also after a kill \
            or a power cut, run the command again in the same way, as long as another signer is in the session. That need not \
            be the creator, and the creator resumes by the invitation: the home folder keeps the addresses of the other \
            signers. --abort-on-exit ends the session for all signers instead.
            """)

    @OptionGroup var session: SessionOptions

    @Flag(name: .long, help: "Sign without asking.")
    var yes = false

    @Flag(
        name: .long,
        help:
            "Say no without being asked, and tell the other signers. This is final: the session cannot be joined afterwards."
    )
    var decline = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Why, if you say no and the others are told: at most \(SessionLimits.ownTextBytes) bytes.",
            valueName: "text"))
    var reason: String = ""

    @OptionGroup var messages: ExpectedMessagesOptions
    @OptionGroup var finalKey: FinalKeyOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var timeout: TimeoutOptions<SigningTimeout>
    @OptionGroup var exit: ExitOptions
    @OptionGroup var options: OutputOptions

    func validate() throws {
        if yes && decline { throw ValidationError("--yes and --decline exclude each other") }
    }

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let interruption = await Interruption()
            let signer = try SignerNode(home: home, node: node, network: network)
            let target = try SessionTarget(session.text, hasNetwork: !signer.bootstrap.isEmpty, home: home)
            guard yes || decline || Prompt.isPossible else {
                throw Failure(
                    .refused, "there is no terminal to ask at",
                    hint: "Say yes beforehand with --yes, or no with --decline.")
            }
            let ownKey = try KeyFile.load(at: home.keyFile).publicKey
            let expected = try finalKey.expected()
            let expectedMessages = try messages.expected()
            let consent = AskConsent { [yes, decline, reason, finalKey] request in
                // The person was asked before joining; right before signing nothing has changed for it.
                guard request.stage == .join else { return .approve }
                let descriptor = request.descriptor
                let view = SessionView(descriptor: descriptor, ownKey: ownKey, now: Date())
                let isSeenWhole: Bool
                do {
                    isSeenWhole = try await output.review(view, asks: !yes && !decline)
                } catch {
                    return .refuse(reason: "the session could not be shown: \(error)")
                }
                if decline { return .decline(reason: reason) }
                let refusal =
                    ExpectedMessagesOptions.refusal(of: descriptor.messages, expected: expectedMessages)
                    ?? finalKey.refusal(of: request.finalKey, hasRawTweaks: request.hasRawTweaks, expected: expected)
                if let refusal { return .refuse(reason: refusal) }
                if yes { return .approve }
                let question = isSeenWhole ? "Sign this?" : "Sign this, of which you have not seen all?"
                guard let answer = await Prompt.answer(to: "\(question) [y/N]") else {
                    // Nobody is there any more to be asked the next question.
                    return .refuse(reason: "you said no")
                }
                if Prompt.isYes(answer) { return .approve }
                return await Prompt.confirms("Tell the other signers that you do not sign? It is for good.")
                    ? .decline(reason: reason) : .refuse(reason: "you said no")
            }
            try signer.claim(target.session)
            let signing = SigningCommand(
                signer: signer, timeout: timeout.timeout, output: output, consent: consent.allowingRawTweaks(),
                interruption: interruption, abortsOnExit: exit.abortOnExit, needsNetwork: target.needsNetwork,
                beforeSession: Failure(
                    .expired, "no session was joined",
                    hint: "Nothing is signed. If nobody was found: \(Failure.notFoundHint)"),
                onDecline: .goOn, declines: decline, invited: target.invited)
            try await signing.run { node in
                let isPatient = timeout.timeout != nil
                let preview = try await target.preview(by: node, isPatient: isPatient, output)
                // What was looked at is not looked for again.
                return try await node.coordinator.joinSession(id: preview.session)
            }
        }
    }
}
