import ArgumentParser

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
              bob$   musig2 join musig21…                # the invitation that alice's command printed

            Exit status: 0 done; 1 failed; 2 a file; 3 refused; 4 the session ended without a signature;
            5 expired; 6 the network; 7 not valid; 64 wrong usage; 130 ended by Ctrl-C.
            """,
        version: "0.1.0",
        subcommands: [
            KeyCommand.self, CreateCommand.self, JoinCommand.self, AggregateCommand.self, VerifyCommand.self,
            DecodeCommand.self,
        ]
    )
}
