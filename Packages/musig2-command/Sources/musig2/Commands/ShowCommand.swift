import ArgumentParser
import Foundation
import MuSig2Coordination
import MuSig2Node
import Secp256k1

/// `musig2 show`: look at a session, and do no more.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a session by its id or its invitation, as `musig2 join` does, without joining it.",
        usage: "musig2 show [<options>] <session> ...",
        discussion: """
            The command asks a signer in the session to show it; the command of that signer must be running. Your own key must be \
            among the signers, because they show it to no other key. You do not join; the other signer learns that your key asked.
            """)

    @OptionGroup var session: SessionOptions

    @OptionGroup var network: NetworkOptions
    @OptionGroup var home: HomeOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var timeout: TimeoutOptions<LookTimeout>
    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let interruption = await Interruption()
            StandardStreams.ignoreBrokenPipes()
            let signer = try SignerNode(home: home, node: node, network: network)
            let target = try SessionTarget(session.text, hasNetwork: !signer.bootstrap.isEmpty, home: home)
            let ownKey = try KeyFile.load(at: home.keyFile).publicKey
            let signing = try await signer.start(consent: .ownSessions, output)
            let found = await interruption.interrupting(after: timeout.timeout, Self.late) {
                if target.needsNetwork { try await signer.enterNetwork(signing, output) }
                return try await target.preview(by: signing, isPatient: timeout.timeout != nil, output)
            }
            await signing.shutdown()
            let view = SessionView(descriptor: try found.get().descriptor, ownKey: ownKey, now: Date())
            _ = try await Interruption().interrupting {
                try await output.review(view, isResult: true, asks: true)
            }.get()
        }
    }

    private static let late = Failure(.expired, "the session was not found in time", hint: Failure.notFoundHint)
}
