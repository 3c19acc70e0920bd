import ArgumentParser
import Foundation
import MuSig2Coordinator
import MuSig2Session
import Secp256k1

/// `musig2 join`: look at a session, and sign with the others if the person agrees.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Join a session by its invitation: shows what is to be signed, asks, and signs.",
        discussion: """
            Nothing but the question whether you may see the session leaves before you said yes. \
            Without a terminal to ask at, --yes is needed. Keep the command running until it has printed the signature. \
            If it ended before, call it again with the same invitation.
            """)

    @Argument(help: "The invitation: musig21…")
    var invitation: String

    @Flag(name: .long, help: "Sign without asking.")
    var yes = false

    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let invitation: SessionInvitation
            do throws(CoordinatorError) {
                invitation = try SessionInvitation(parsing: self.invitation)
            } catch {
                throw Failure(error)
            }
            guard yes || Prompt.isPossible else {
                throw Failure(.refused, "there is no terminal to ask at", hint: "Say yes beforehand with --yes.")
            }
            let ownKey = try KeyFile.read(at: home.keyFile).publicKey
            let consent = AskConsent { [yes] request in
                // The person was asked before joining; right before signing nothing has changed for it.
                guard request.stage == .join else { return .approve }
                let descriptor = request.descriptor
                guard descriptor.signerKeys[descriptor.creator] != ownKey else {
                    return .refuse(reason: "you created this session: the command that did signs for you")
                }
                let view = SessionView(descriptor: descriptor, ownKey: ownKey, now: Date())
                do {
                    try output.progress(view.lines().joined(separator: "\n"), event: "session", view.json())
                } catch {
                    return .refuse(reason: "the session could not be shown: \(error)")
                }
                if yes { return .approve }
                return await Prompt.confirms("Sign this?") ? .approve : .refuse(reason: "you said no")
            }
            let signing = SigningCommand(home: home, node: node, output: output, consent: consent)
            try await signing.run { coordinator in try await coordinator.joinSession(invitation) }
        }
    }
}
