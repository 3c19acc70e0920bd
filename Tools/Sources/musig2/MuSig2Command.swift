import ArgumentParser
import Foundation
import PeerTransportNIO

/// The `musig2` command.
@main
struct MuSig2Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "musig2",
        abstract: "Sign together with the other holders of a shared key, with nobody in the middle.",
        discussion: """
            A session of two signers, each on a machine of its own:

              alice$ musig2 key new
              bob$   musig2 key new                      # tell alice your public key
              alice$ musig2 create --signers ALICE,BOB --message-hex 68656c6c6f
              bob$   musig2 join musig21…                # what alice's command printed

            The same without an invitation, through a node that anybody may run:

              carol$ musig2 node                # prints ADDRESS: /ip4/…/tcp/…/p2p/…
              alice$ musig2 create --signers ALICE,BOB --message-hex 68656c6c6f \\
                       --bootstrap ADDRESS      # prints the session id
              bob$   musig2 join SESSION-ID --bootstrap ADDRESS

            To try both sides on one machine, give each signer a folder of its own, --home, and \
            let both listen there alone: --listen /ip4/127.0.0.1/tcp/0.

            With --json, or when standard output is not a terminal, all output is JSON lines on standard output; an error \
            is a line {"event":"error",…} with message, hint and status. SIGTERM counts as Ctrl-C.

            Exit status:
              0  done                           5  expired, or nobody was there in time
              1  failed for another reason      6  the network
              2  a file, or the output          7  not valid
              3  refused                        8  a wrong passphrase, or none
              4  ended without a signature      9  signed, and a signer could not be told
                                               64  malformed input
                                              130  ended by Ctrl-C

            NO_COLOR=1 turns colours off. Completions for your shell, which `make install` installs: \
            musig2 --generate-completion-script bash (or zsh, fish).

            This is musig2 \(Build.text).
            """,
        version: "musig2 \(Build.text)",
        subcommands: [
            KeyCommand.self, CreateCommand.self, JoinCommand.self, ShowCommand.self, InboxCommand.self,
            NodeCommand.self,
            AggregateCommand.self, VerifyCommand.self, DecodeCommand.self,
        ]
    )

    static func main() async {
        StandardStreams.openAll()
        Secrecy.begin()
        OpenFiles.raiseLimit()
        let arguments = CommandLine.arguments.dropFirst()
        do {
            var command = try parseAsRoot(Array(arguments))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(error, OutputFormat(of: arguments))
        }
    }

    /// Ends the process as an error says, which may also be a wish for help.
    private static func end(_ error: any Error, _ format: OutputFormat) -> Never {
        // What a command threw itself it has said already.
        guard !(error is ExitCode) else { exit(withError: error) }
        let text = fullMessage(for: error)
        if exitCode(for: error) == .success {
            do throws(Failure) {
                try Output.write(text)
                exit(withError: nil)
            } catch {
                Output(format: .human).failure(error)
                exit(withError: error.status.code)
            }
        }
        guard format == .json else { exit(withError: error) }
        // The message, and below it the usage.
        let hint = text.split(separator: "\n").dropFirst().map { $0.trimmingCharacters(in: .whitespaces) }
        Output(format: .json).failure(
            Failure(.usage, message(for: error), hint: hint.isEmpty ? nil : hint.joined(separator: "\n")))
        exit(withError: ExitStatus.usage.code)
    }
}
