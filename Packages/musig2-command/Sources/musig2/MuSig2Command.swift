import ArgumentParser
import Foundation
import PeerTransportNIO

/// The `musig2` command.
@main
struct MuSig2Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "musig2",
        abstract: "Sign together with the other holders of a shared key, without a server.",
        discussion: """
            A session of two signers, each on a machine of its own:

              alice$ musig2 key new
              bob$   musig2 key new                      # tell alice your public key
              alice$ musig2 create --signers ALICE,BOB --message hello
              bob$   musig2 join musig21…                # what alice's command printed

            The same without an invitation, through a node that anyone can run:

              carol$ musig2 node                # prints ADDRESS: /ip4/…/tcp/…/p2p/…
              alice$ musig2 create --signers ALICE,BOB --message hello \\
                       --bootstrap ADDRESS      # prints the session id
              bob$   musig2 join SESSION-ID --bootstrap ADDRESS

            To try both sides on one machine, give each signer a folder of its own with --home, and \
            let both listen locally: --listen /ip4/127.0.0.1/tcp/0.

            With --json, or when standard output is not a terminal, all output is JSON lines on standard output; an error \
            is a line {"event":"error",…} with message, hint and status. SIGTERM counts as Ctrl-C.

            Exit status:
              0  done                           5  expired, or no other signer in time
              1  failed for another reason      6  the network
              2  a file, or the output          7  not valid
              3  refused                        8  a wrong passphrase, or none
              4  ended without a signature      9  signed, but a signer was not reached
                                               64  malformed input
                                              130  ended by Ctrl-C

            NO_COLOR=1 turns colors off. Completions for your shell, which `make install` installs: \
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
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if let failure = unknownCommand(arguments) { throw failure }
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(error, OutputFormat(of: arguments))
        }
    }

    /// What is wrong with the names of commands with which a command line begins, also behind `help`; nil if all are there.
    static func unknownCommand(_ arguments: [String]) -> Failure? {
        var names = arguments.prefix { !$0.hasPrefix("-") }
        let asksForHelp = names.first == "help"
        if asksForHelp { names = names.dropFirst() }
        var command: any ParsableCommand.Type = Self.self
        var words = "musig2"
        for name in names {
            let commands = command.configuration.subcommands
            // What follows the last name is an argument.
            if commands.isEmpty, !asksForHelp { return nil }
            guard let next = commands.first(where: { $0.configuration.commandName == name }) else {
                return Failure(
                    .usage, "there is no command `\(words) \(name)`",
                    hint: commands.isEmpty
                        ? "`\(words) --help` says what it takes."
                        : "`\(words) --help` lists the commands that there are.")
            }
            command = next
            words += " \(name)"
        }
        return nil
    }

    /// Ends the process as an error says, which may also be a wish for help.
    private static func end(_ error: any Error, _ format: OutputFormat) -> Never {
        // What a command threw itself it has said already.
        guard !(error is ExitCode) else { exit(withError: error) }
        let text = fullMessage(for: error)
        if let failure = error as? Failure {
            Output(format: format).failure(failure)
            exit(withError: failure.status.code)
        }
        if exitCode(for: error) == .success {
            do throws(Failure) {
                try Output.write(text)
                exit(withError: nil)
            } catch {
                Output(format: .human).failure(error)
                exit(withError: error.status.code)
            }
        }
        // The message, and below it the usage.
        let hint = text.split(separator: "\n").dropFirst().map { $0.trimmingCharacters(in: .whitespaces) }
        let message =
            message(for: error).split(separator: "\n").first.map(String.init) ?? "the command line is not understood"
        // The parser begins with a capital, and an option with a hyphen.
        Output(format: format).failure(
            Failure(
                .usage, message.prefix(1).lowercased() + message.dropFirst(),
                hint: hint.isEmpty ? nil : hint.joined(separator: "\n")))
        exit(withError: ExitStatus.usage.code)
    }
}
