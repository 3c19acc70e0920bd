import ArgumentParser
import Foundation
import MuSig2Coordinator
import MuSig2Session
import Multiformats
import Secp256k1

/// `musig2 join`: look at a session, and sign with the others if the person agrees.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Join a session by its id or its invitation: shows what is to be signed, asks, and signs.",
        discussion: """
            The id is enough with --bootstrap: the DHT names peers that can show the session. If nobody is found by the id, \
            it is looked whether the session waits in your inbox. That takes a few seconds; with --timeout it is looked \
            again until the time is over. An invitation names the peers itself.

            Nothing but the question whether you may see the session leaves before you said yes. \
            What you approve is that the messages are signed for the final key, all tweaks applied: compare it with the one you \
            expect, or name it with --expect-key. A session with raw tweaks is refused without --allow-tweak --expect-key.

            Without a terminal to ask at, --yes is needed. Keep the command running until it has printed the signature. \
            Ctrl-C, SIGTERM, a closed terminal and --timeout leave the session; the others wait. Call the command again in the same way to go on, \
            as after a kill or a power cut, also with a session that you created yourself. --abort-on-exit ends the session for all signers instead.
            """)

    @Argument(help: "The session id, 64 hexadecimal digits; or the invitation, musig21…")
    var session: String

    @Flag(name: .long, help: "Sign without asking.")
    var yes = false

    @OptionGroup var finalKey: FinalKeyOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var timeout: TimeoutOptions
    @OptionGroup var exit: ExitOptions
    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let interruption = await Interruption()
            let signer = try SignerNode(home: home, node: node, network: network)
            let target = try Target(session, hasNetwork: !signer.bootstrap.isEmpty)
            guard yes || Prompt.isPossible else {
                throw Failure(.refused, "there is no terminal to ask at", hint: "Say yes beforehand with --yes.")
            }
            let ownKey = try KeyFile.load(at: home.keyFile).publicKey
            let expected = try finalKey.expected()
            let consent = AskConsent { [yes, finalKey] request in
                // The person was asked before joining; right before signing nothing has changed for it.
                guard request.stage == .join else { return .approve }
                let descriptor = request.descriptor
                let view = SessionView(descriptor: descriptor, ownKey: ownKey, now: Date())
                do {
                    try output.progress(view.lines().joined(separator: "\n"), event: "session", view.json())
                } catch {
                    return .refuse(reason: "the session could not be shown: \(error)")
                }
                if let reason = finalKey.refusal(
                    of: request.finalKey, hasRawTweaks: request.hasRawTweaks, expected: expected)
                {
                    return .refuse(reason: reason)
                }
                if yes { return .approve }
                return await Prompt.confirms("Sign this?") ? .approve : .refuse(reason: "you said no")
            }
            let signing = SigningCommand(
                signer: signer, timeout: timeout.timeout, output: output, consent: consent.allowingRawTweaks(),
                interruption: interruption, abortsOnExit: exit.abortOnExit)
            try await signing.run { coordinator in
                do {
                    switch target {
                    case .invitation(let invitation): return try await coordinator.joinSession(invitation)
                    case .id(let id):
                        try output.progress(
                            "looking     for signers who show the session", event: "looking",
                            ["session": .string("\(id)")])
                        return try await look(for: id, coordinator, output)
                    }
                } catch let error as CoordinatorError where error.code == .notASigner {
                    throw Failure(.refused, error.message, hint: Failure.notShownHint)
                }
            }
        }
    }

    /// Joins a session by its id; with a time limit, looks until the command ends by it.
    private func look(
        for id: SessionID, _ coordinator: MuSig2Coordinator, _ output: Output
    ) async throws -> SessionID {
        var isFirst = true
        while true {
            do {
                return try await Self.join(id, coordinator)
            } catch let error as CoordinatorError {
                let mayCome: [CoordinatorError.Code] = [.notFound, .unreachable, .timedOut, .lookupFailed]
                guard mayCome.contains(error.code) else { throw error }
                guard timeout.timeout != nil else { throw Failure.look(error) }
                if isFirst {
                    try output.progress(
                        "waiting     nobody is found yet; it is looked again every few seconds",
                        event: "lookingAgain", ["session": .string("\(id)")])
                }
                isFirst = false
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    /// How long to wait before looking again.
    private static let pause = Duration.seconds(3)

    /// Joins a session that is found by its id, or else waits in the inbox of this signer.
    private static func join(_ id: SessionID, _ coordinator: MuSig2Coordinator) async throws -> SessionID {
        let failure = await withTaskGroup(of: Result<Bool, CoordinatorError>.self) { group in
            group.addTask {
                await result { () async throws(CoordinatorError) in
                    _ = try await coordinator.previewSession(id: id)
                    return true
                }
            }
            group.addTask {
                // Most sessions are found by their id at once, and then nobody need learn that this inbox is looked at.
                do { try await Task.sleep(for: inboxDelay) } catch { return .success(false) }
                return await result { () async throws(CoordinatorError) in
                    try await coordinator.inbox().contains { $0.session == id }
                }
            }
            defer { group.cancelAll() }
            var failures: [CoordinatorError] = []
            for await found in group {
                switch found {
                case .success(true): return nil as CoordinatorError?
                case .success(false): break
                case .failure(let error) where error.code == .notFound: failures.insert(error, at: 0)
                case .failure(let error) where error.session == id: return error
                case .failure(let error): failures.append(error)
                }
            }
            return failures.first
        }
        if let failure { throw failure }
        // What was looked at is not looked for again.
        return try await coordinator.joinSession(id: id)
    }

    private static func result(
        _ body: () async throws(CoordinatorError) -> Bool
    ) async -> Result<Bool, CoordinatorError> {
        do throws(CoordinatorError) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }

    /// After which time without an answer the inbox is looked at.
    private static let inboxDelay = Duration.seconds(1)

    /// What is to be joined.
    private enum Target {
        case invitation(SessionInvitation)
        case id(SessionID)

        init(_ text: String, hasNetwork: Bool) throws(Failure) {
            if !text.isEmpty, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) {
                guard let id = Hex.decode(text).flatMap({ SessionID($0) }) else {
                    throw Failure(
                        .usage, "the session id: expected 64 hexadecimal digits, found \(text.count)",
                        hint: "Take it whole from what the creator's command printed.")
                }
                guard hasNetwork else {
                    throw Failure(
                        .usage, "a session is found by its id in a DHT alone, and there is no --bootstrap",
                        hint: "Give --bootstrap the same address as the creator did, or join by the invitation.")
                }
                self = .id(id)
                return
            }
            do throws(CoordinatorError) {
                self = .invitation(try SessionInvitation(parsing: text))
            } catch {
                throw Failure(error)
            }
        }
    }
}
