import FlowKit
import Foundation
import Secp256k1
import Testing

/// What happens to a session when processes are ended, killed, started twice, or cannot print: all others are told, and
/// what can go on goes on.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct AccidentTests {
    let command: Command
    let folder: TemporaryFolder

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    @Test(arguments: [Command.Reaction.interrupt, .hangUp])
    func signerThatLeavesComesBack(_ leaving: Command.Reaction) async throws {
        let signers = try await newKeys(["a", "b", "c"])
        let session = live(["create", "--signers", signers, "--message-hex", "00"], home: "a")
        let invitation = try await session.invitation()
        let left = try await join(invitation, home: "b") { line, _ in
            // All that can be is there: its own nonces and the creator's.
            try line.event == "nonceReceived" && line.number("received") == 2 ? leaving : .goOn
        }
        #expect(left.status == 130)
        let last = try #require(left.lines.last)
        #expect(
            try last.text("message")
                == "interrupted: you left the session; the others wait for you until it expires")
        #expect(
            try last.text("hint")
                == "Nothing is signed. To go on, call `musig2 join` with the same invitation while another signer is in the "
                + "session; --abort-on-exit would have ended it for all.")
        try await complete(session, invitation, ["b", "c"])
    }

    @Test
    func aTimeoutLeavesToo() async throws {
        let signers = try await newKeys(["a", "b", "c"])
        let session = live(["create", "--signers", signers, "--message-hex", "00"], home: "a")
        let invitation = try await session.invitation()
        let left = try await command.follow(
            ["join", invitation, "--yes", "--timeout", "3"] + common("b")
        ) { _, _ in .goOn }
        #expect(left.status == 5)
        #expect(try left.lines.last?.text("message") == "no signature within 3 s: signer 3 is not connected")
        try await complete(session, invitation, ["b", "c"])
    }

    @Test
    func abortOnExitEndsItForAll() async throws {
        let signers = try await newKeys(["a", "b", "c"])
        let session = live(["create", "--signers", signers, "--message-hex", "00"], home: "a")
        let invitation = try await session.invitation()
        let left = try await command.follow(
            ["join", invitation, "--yes", "--timeout", "60", "--abort-on-exit"] + common("b")
        ) { line, _ in
            try line.event == "nonceReceived" && line.number("received") == 2 ? .interrupt : .goOn
        }
        #expect(left.status == 130)
        #expect(
            try left.lines.last?.text("message")
                == "interrupted: the session is closed, and the signers that are connected were told")
        let ended = try await session.process.value
        #expect(ended.status == 4)
        #expect(try ended.lines.last?.text("message") == "signer 2 ended the session")
        #expect(try ended.lines.last?.text("hint") == "Nothing is signed.")
    }

    @Test
    func signerThatWasKilledComesBack() async throws {
        let signers = try await newKeys(["a", "b", "c"])
        let session = live(["create", "--signers", signers, "--message-hex", "00"], home: "a")
        let invitation = try await session.invitation()
        let killed = try await join(invitation, home: "b") { line, _ in
            try line.event == "nonceReceived" && line.number("received") == 2 ? .kill : .goOn
        }
        #expect(killed.status == 137)
        async let again = join(invitation, home: "b")
        async let third = join(invitation, home: "c")
        let all = [try await again, try await third, try await session.process.value]
        #expect(all.map(\.status) == [0, 0, 0])
        let signatures = try all.map {
            try $0.lines.filter { $0.event == "signature" }.map { try $0.text("signature") }
        }
        #expect(signatures[0].count == 1)
        #expect(signatures[1] == signatures[0] && signatures[2] == signatures[0])
        let gone = try all[2].lines.filter { $0.event == "peerDisconnected" }.map { try $0.number("signer") }
        #expect(gone.first == 2, "a person that waits is told for which signer")
    }

    @Test
    func oneKeyInTwoHomes() async throws {
        let signers = try await newKeys(["a", "b", "c"])
        let session = live(["create", "--signers", signers, "--message-hex", "00"], home: "a")
        let invitation = try await session.invitation()
        let first = try await joined(invitation, home: "b")
        try FileManager.default.createDirectory(atPath: folder.file("copy"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: folder.file("b/key"), toPath: folder.file("copy/key"))
        // The third comes only when the second stands in the first one's place.
        let second = try await joined(invitation, home: "copy")
        async let third = join(invitation, home: "c")
        let all = [try await second.value, try await third, try await session.process.value]
        #expect(all.map(\.status) == [0, 0, 0], "\(all.map { $0.lines.suffix(3) })")
        // The first has heard that it was replaced, or still waits: it is not to end the session of the others.
        first.cancel()
        _ = await first.result
    }

    /// The creator's machine went down; the others hold the announcement.
    @Test
    func theCreatorJoinsAgain() async throws {
        let signers = try await newKeys(["a", "b", "c"])
        try await NodeProcesses(count: 1).run { node in
            let network = ["--bootstrap", node]
            let (sessions, tell) = AsyncStream.makeStream(of: String.self)
            let create = Task {
                try await command.follow(
                    ["create", "--signers", signers, "--message-hex", "00", "--timeout", "60"] + common("a") + network
                ) { line, _ in
                    if line.event == "invitation" { tell.yield(try line.text("session")) }
                    return try line.event == "nonceReceived" && line.number("received") == 2 ? .kill : .goOn
                }
            }
            var names = sessions.makeAsyncIterator()
            let session = try #require(await names.next())
            let join = ["join", session, "--yes", "--timeout", "60"] + network
            async let second = command.follow(join + common("b")) { _, _ in .goOn }
            #expect(try await create.value.status == 137)
            async let creator = command.follow(join + common("a")) { _, _ in .goOn }
            async let third = command.follow(join + common("c")) { _, _ in .goOn }
            let all = [try await second, try await creator, try await third]
            #expect(all.map(\.status) == [0, 0, 0], "\(all.map { $0.lines.suffix(3) })")
        }
    }

    /// A creator that is stopped takes connections and says nothing: it is said at once where it is asked, and at the end what that was.
    @Test
    func theCreatorIsStopped() async throws {
        let signers = try await newKeys(["a", "b"])
        let (invitations, invite) = AsyncStream.makeStream(of: String.self)
        let (sleeps, wake) = AsyncStream.makeStream(of: Void.self)
        let create = Task {
            defer { invite.finish() }
            return try await command.follow(
                ["create", "--signers", signers, "--message-hex", "00", "--timeout", "60"] + common("a")
            ) { line, _ in
                guard line.event == "announced" else {
                    if line.event == "invitation" { invite.yield(try line.text("invitation")) }
                    return .goOn
                }
                invite.finish()
                return .sleep(until: sleeps)
            }
        }
        var named: String?
        for await invitation in invitations { named = invitation }
        let invitation = try #require(named)
        let late = try await command.run(["join", invitation, "--yes", "--human"] + common("b"))
        #expect(late.status == 6)
        #expect(
            late.error.contains(#/^asking      for the session at /ip4/127.0.0.1/tcp/\d+, for at most 10 s\n/#),
            "\(late.error)")
        #expect(
            late.error.contains(#/\nerror: no answer came from /ip4/127.0.0.1/tcp/\d+ within 10 s\n/#), "\(late.error)")
        wake.finish()
        async let second = join(invitation, home: "b")
        #expect(try await second.status == 0)
        #expect(try await create.value.status == 0)
    }

    /// Without a node: the home of the creator knows where the other signer was, and the invitation leads to it again.
    @Test
    func theCreatorJoinsAgainByItsInvitation() async throws {
        let signers = try await newKeys(["a", "b", "c"])
        let (invitations, invite) = AsyncStream.makeStream(of: String.self)
        let create = Task {
            defer { invite.finish() }
            return try await command.follow(
                ["create", "--signers", signers, "--message-hex", "00", "--timeout", "60"] + common("a")
            ) { line, _ in
                if line.event == "invitation" { invite.yield(try line.text("invitation")) }
                return try line.event == "nonceReceived" && line.number("received") == 2 ? .kill : .goOn
            }
        }
        let invitation = try #require(await invitations.first { _ in true })
        async let second = join(invitation, home: "b")
        #expect(try await create.value.status == 137)
        let creator = try await joined(invitation, home: "a")
        // The third has nothing but the invitation.
        async let third = join(invitation, home: "c")
        let all = [try await second, try await creator.value, try await third]
        #expect(all.map(\.status) == [0, 0, 0], "\(all.map { $0.lines.suffix(3) })")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("a/sessions")).isEmpty)
        let over = try await command.run(["join", invitation, "--yes", "--human"] + common("a"))
        #expect(over.status == 6)
        #expect(over.error.hasPrefix("error: the invitation is your own, and no other signer"), "\(over.error)")
    }

    @Test
    func outputThatCannotBeWritten() async throws {
        let signers = try await newKeys(["a", "b"])
        let create =
            "'\(command.path)' create --signers \(signers) --message-hex 00 --home '\(folder.file("a"))' "
            + "--listen /ip4/127.0.0.1/tcp/0 --timeout 2 --json"
        #if os(Linux)
            let full = try await command.shell("\(create) > /dev/full")
            #expect(full.status == 2)
            #expect(full.error == "error: cannot write to standard output: No space left on device\n")
        #endif
        // The reader of the pipe is gone before the first line.
        let broken = try await command.shell("{ sleep 0; \(create); echo $? >&2; } | true")
        #expect(broken.error.hasSuffix("2\n"), "\(broken.error)")
        #expect(broken.error.hasPrefix("error: cannot write to standard output: "))
        // What is written to a closed standard output is lost, and does not go into a file or a socket.
        let closed = try await command.shell("\(create) >&-")
        #expect(closed.status == 2)
        #expect(closed.error == "error: cannot write to standard output: Bad file descriptor\n")
        for words in ["--help", "--version", "create --help"] {
            #expect(try await command.shell("'\(command.path)' \(words) >&-").status == 2, "\(words)")
        }
    }

    /// The signers join, and the session that waited for them completes.
    private func complete(_ session: Live, _ invitation: String, _ homes: [String]) async throws {
        try await withThrowingTaskGroup(of: Command.Followed.self) { group in
            for home in homes { group.addTask { try await join(invitation, home: home) } }
            for try await ended in group { #expect(ended.status == 0, "\(ended.lines.suffix(3))") }
        }
        let ended = try await session.process.value
        #expect(ended.status == 0, "\(ended.lines.suffix(3))")
        #expect(ended.lines.count { $0.event == "signature" } == 1)
    }

    func newKeys(_ homes: [String]) async throws -> String {
        try await command.newKeys(in: homes.map { folder.file($0) }).joined(separator: ",")
    }

    func common(_ home: String) -> [String] {
        ["--home", folder.file(home), "--listen", "/ip4/127.0.0.1/tcp/0"]
    }

    func join(
        _ invitation: String,
        home: String,
        _ network: [String] = [],
        react: @Sendable (JSONLine, String) throws -> Command.Reaction = { _, _ in .goOn }
    ) async throws -> Command.Followed {
        try await command.follow(
            ["join", invitation, "--yes", "--timeout", "60"] + common(home) + network, react: react)
    }

    /// A signer that has joined: its own nonces and the creator's are there.
    func joined(
        _ invitation: String, home: String, _ network: [String] = []
    ) async throws -> Task<Command.Followed, any Error> {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        let process = Task {
            defer { arrive.finish() }
            return try await join(invitation, home: home, network) { line, _ in
                if try line.event == "nonceReceived" && line.number("received") == 2 { arrive.finish() }
                return .goOn
            }
        }
        for await _ in arrived {}
        return process
    }

    /// A creator that runs beside the test.
    struct Live {
        let process: Task<Command.Followed, any Error>
        let invitations: AsyncStream<String>
        let ids: AsyncStream<String>

        func invitation() async throws -> String {
            for await invitation in invitations { return invitation }
            throw FlowError("no invitation: \(try await process.value.lines)")
        }

        func id() async throws -> String {
            for await id in ids { return id }
            throw FlowError("no session: \(try await process.value.lines)")
        }
    }

    func live(_ arguments: [String], home: String) -> Live {
        let (invitations, invite) = AsyncStream.makeStream(of: String.self)
        let (ids, name) = AsyncStream.makeStream(of: String.self)
        let limit = arguments.contains("--timeout") ? [] : ["--timeout", "60"]
        let process = Task {
            defer {
                invite.finish()
                name.finish()
            }
            return try await command.follow(arguments + common(home) + limit) { line, _ in
                if line.event == "invitation" {
                    invite.yield(try line.text("invitation"))
                    name.yield(try line.text("session"))
                }
                return .goOn
            }
        }
        return Live(process: process, invitations: invitations, ids: ids)
    }
}
