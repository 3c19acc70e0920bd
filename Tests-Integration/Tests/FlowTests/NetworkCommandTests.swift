import FlowKit
import Foundation
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import NIOCore
import NIOPosix
import PeerNode
import PeerTransportNIO
import Secp256k1
import Testing

/// What goes wrong on the way into a DHT and in it, and what the command says: a clear message, an exit status, and
/// nothing hangs.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct NetworkCommandTests {
    private let command: Command
    private let folder: TemporaryFolder
    private let session = String(repeating: "11", count: 32)

    init() throws {
        command = try Command()
        folder = try TemporaryFolder()
    }

    private func newKey(_ home: String) async throws -> String {
        let made = try await command.run(["key", "new", "--home", folder.file(home), "--json"])
        #expect(made.status == 0, "\(made.error)")
        return try JSONLine(made.output).text("publicKey")
    }

    private func failure(_ arguments: [String]) async throws -> (status: Int, message: String) {
        let finished = try await command.run(arguments + ["--human"])
        #expect(finished.output == "", "a failure prints no result")
        return (finished.status, finished.error)
    }

    private func common(_ home: String) -> [String] {
        ["--home", folder.file(home), "--listen", "/ip4/127.0.0.1/tcp/0"]
    }

    private func withNode<Value: Sendable>(
        _ body: @Sendable (_ address: String) async throws -> Value
    ) async throws -> Value {
        try await NodeProcesses(count: 1).run(body)
    }

    // MARK: Words

    @Test
    func wrongWords() async throws {
        let own = try await newKey("a")
        let signers = ["--signers", "\(own),\(SecretKey.generate().publicKey)", "--message-hex", "00"]
        let bootstrap = ["--bootstrap", "/ip4/127.0.0.1/tcp/1"]
        for (arguments, status, message) in [
            (
                ["join", session, "--yes"], 64,
                "a session is found by its id in a DHT alone, and there is no --bootstrap"
            ),
            (
                ["join", session + "11", "--yes"] + bootstrap, 64,
                "the session id: expected 64 hexadecimal digits, found 66"
            ),
            (["join", session, "--yes", "--bootstrap", "here"], 64, "--bootstrap: \"here\" is not a multiaddr"),
            (["join", session, "--yes", "--network", "/x"], 64, "--network: expected a name like musig2"),
            (["inbox"], 64, "an inbox is in a DHT, and there is no --bootstrap"),
            (
                ["join", String(session.dropLast()), "--yes"] + bootstrap, 64,
                "the session id: expected 64 hexadecimal digits, found 63"
            ),
            (["inbox", "--every", "5"] + bootstrap, 64, "--every: of use with --watch alone"),
            (["inbox", "--every", "0"] + bootstrap, 64, "--every: expected 1 to 2592000 seconds (30 days), found 0"),
            (
                ["create", "--discovery", "inbox"] + signers, 64,
                "--discovery inbox needs a DHT, and there is no --bootstrap"
            ),
            (["create", "--discovery", "radio"] + signers + bootstrap, 64, "--discovery: there is no way \"radio\""),
            (
                ["create", "--discovery", "none,inbox"] + signers + bootstrap, 64,
                "--discovery: none excludes other ways"
            ),
        ] {
            let wrong = try await failure(arguments + ["--home", folder.file("a")])
            #expect(wrong.status == status, "\(arguments)")
            #expect(wrong.message.contains(message), "\(wrong.message)")
        }
    }

    @Test
    func bootstrapOfTheEnvironment() async throws {
        _ = try await newKey("a")
        let result = try await command.shell(
            "MUSIG2_BOOTSTRAP='/ip4/127.0.0.1/tcp/1, here' "
                + "'\(command.path)' inbox --home '\(folder.file("a"))' --human")
        #expect(result.status == 64)
        #expect(
            result.error == "error: MUSIG2_BOOTSTRAP: \"here\" is not a multiaddr\n"
                + "       An example: /ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…, as `musig2 node` prints it\n")
    }

    // MARK: The way in

    @Test
    func bootstrapThatLeadsNowhere() async throws {
        _ = try await newKey("a")
        let stranger = NodeIdentity.generateEd25519().peerID
        let web = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(WebServer()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let webPort = try #require(web.localAddress?.port)
        // A port that was free a moment ago: nobody listens there.
        let gone = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let freePort = try #require(gone.localAddress?.port)
        try await gone.close()
        try await withNode { [command, folder, session] address in
            let node = try Multiaddr(address)
            let place = try #require(node.withoutPeerID)
            let name = try #require(node.peerID)
            for (bootstrap, message, hint) in [
                (
                    "/ip4/127.0.0.1/tcp/\(freePort)/p2p/\(name)", "nobody listens there\n",
                    "Does `musig2 node` run there"
                ),
                (
                    "\(place)/p2p/\(stranger)", "expected peer \(stranger), found \(name)",
                    "Take the whole address from what `musig2 node` prints there"
                ),
                (
                    "/ip4/127.0.0.1/tcp/\(webPort)", "the other side is not a libp2p peer",
                    "Is the port that of a `musig2 node`"
                ),
            ] {
                let arguments = ["join", session, "--yes", "--home", folder.file("a"), "--bootstrap", bootstrap]
                let wrong = try await command.run(arguments + ["--listen", "/ip4/127.0.0.1/tcp/0", "--human"])
                #expect(wrong.status == 6)
                #expect(wrong.error.hasPrefix("error: bootstrap \(bootstrap): \(message)"), "\(wrong.error)")
                #expect(wrong.error.contains("       \(hint)"), "\(wrong.error)")
            }
            // One that leads somewhere is enough; the other one is told.
            let one = try await command.run(
                ["inbox", "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0", "--human"]
                    + ["--bootstrap", "/ip4/127.0.0.1/tcp/\(freePort),\(address)"])
            #expect(one.status == 0, "\(one.error)")
            #expect(one.error.hasPrefix("notice      bootstrap /ip4/127.0.0.1/tcp/\(freePort): nobody listens there\n"))
        }
        try await web.close()
    }

    @Test
    func nodeOfAnotherNetwork() async throws {
        _ = try await newKey("a")
        try await withNode { [command, folder, session] address in
            let wrong = try await command.run(
                ["join", session, "--yes", "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0"]
                    + ["--bootstrap", address, "--network", "other", "--human"])
            #expect(wrong.status == 6)
            #expect(wrong.error.contains("was reached, and is no server of /other/kad/1.0.0"), "\(wrong.error)")
            #expect(wrong.error.contains("and --network the same name as there"))
        }
    }

    /// Runs a node of a network on the loopback interface, then `inbox` with that for a bootstrap address.
    private func inbox(
        throughNodeOf network: [String]
    ) async throws -> (inbox: Command.Finished, address: String, node: Command.Followed) {
        _ = try await newKey("a")
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let (addresses, tell) = AsyncStream.makeStream(of: String.self)
        async let running = command.follow(["node", "--timeout", "60"] + common("node") + network, until: ends) {
            line, _ in
            if line.event == "listening" { tell.yield(try line.texts("addresses")[0]) }
            return .goOn
        }
        defer { end.finish() }
        let address = try #require(await addresses.first { _ in true })
        let inbox = try await command.run(["inbox", "--bootstrap", address, "--human"] + common("a") + network)
        end.finish()
        return (inbox, address, try await running)
    }

    /// The reason is not that it serves no network, but where it is; and it is said at once.
    @Test
    func nodeAtAnAddressThatTheNetworkDoesNotUse() async throws {
        let (wrong, address, node) = try await inbox(throughNodeOf: ["--network", "ipfs"])
        #expect(wrong.status == 6)
        #expect(wrong.error.contains("serves /ipfs/kad/1.0.0, but \(address) is no address that"), "\(wrong.error)")
        #expect(wrong.error.contains("--network ipfs/lan") && wrong.error.contains("--private-addresses"))
        let notice = try node.lines.first { $0.event == "notice" }?.text("message")
        #expect(notice?.hasPrefix("none of these addresses is one that the network ipfs uses") == true)
    }

    /// A network of one's own may have that name.
    @Test(arguments: [["--network", "ipfs", "--private-addresses"], ["--network", "ipfs/lan"]])
    func privateAddressesUnderThePublicName(_ network: [String]) async throws {
        let (found, _, node) = try await inbox(throughNodeOf: network)
        #expect(found.status == 0, "\(found.error)")
        #expect(node.lines.map(\.event) == ["listening", "ready"])
    }

    /// What others are to type names no node that was not there.
    @Test
    func toJoinNamesNodesThatAnswered() async throws {
        let own = try await newKey("a")
        let dead = "/ip4/127.0.0.1/tcp/1"
        try await withNode { [command, folder] address in
            let created = try await command.follow(
                ["create", "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0"]
                    + ["--signers", "\(own),\(SecretKey.generate().publicKey)", "--message-hex", "00"]
                    + ["--bootstrap", "\(dead),\(address)", "--timeout", "60"]
            ) { line, _ in line.event == "toJoin" ? .interrupt : .goOn }
            let words = try #require(try created.lines.first { $0.event == "toJoin" }?.text("command"))
            #expect(words.contains("--bootstrap \(address)") && !words.contains(dead), "\(words)")
        }
    }

    // MARK: What is found

    @Test
    func nobodyHasTheSession() async throws {
        let own = try await newKey("a")
        try await withNode { [command, folder, session] address in
            let common = ["--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap", address]
            let nobody = try await command.run(["join", session, "--yes", "--human"] + common)
            #expect(nobody.status == 5)
            #expect(nobody.error.contains("error: nobody was found who shows the session\n"), "\(nobody.error)")
            #expect(nobody.error.contains("Is the creator's command still running"))
            // With a limit it is looked until then.
            let patient = try await command.run(["join", session, "--yes", "--human", "--timeout", "12"] + common)
            #expect(patient.status == 5)
            #expect(patient.error.components(separatedBy: "waiting     nobody is found yet").count == 2)
            #expect(patient.error.contains("error: no session was joined within 12 s\n"), "\(patient.error)")
            let inbox = try await command.run(["inbox", "--human"] + common)
            #expect(inbox.status == 0)
            #expect(inbox.output == "")
            #expect(inbox.error.hasSuffix("empty       nothing waits for your key \(own)\n"))
        }
    }

    @Test
    func sessionThatIsOver() async throws {
        let own = try await newKey("a")
        let text = try String(contentsOfFile: folder.file("a/key"), encoding: .utf8)
        let ownSecret = try #require(Hex.decode(text.trimmingCharacters(in: .newlines)))
        let otherKey = SecretKey.generate()
        let keys = [otherKey.publicKey, try PublicKey(compressedRepresentation: #require(Hex.decode(own)))]
        try await withNode { [command, folder] address in
            let dht = NodeDHT.Configuration(mode: .client, prefix: "/musig2", bootstrap: [try Multiaddr(address)])
            let other = try await SigningNode.start(
                signer: otherKey.copy(), listenAddresses: [.loopback], dht: dht, consent: .approveEverything)
            let first = try await SigningNode.start(
                signer: try SecretKey(SecretBytes(copying: ownSecret.span.bytes)), listenAddresses: [.loopback],
                dht: dht, consent: .approveEverything)
            let created = try await other.coordinator.createSession(SessionRequest(signers: keys, messages: [[0]]))
            // By its id, so that it is published before it is over.
            try await first.coordinator.joinSession(id: created.id)
            _ = try await first.coordinator.waitForSignatures(of: created.id)
            _ = try await other.coordinator.waitForSignatures(of: created.id)
            await first.shutdown()
            let late = try await command.run(
                ["join", "\(created.id)", "--yes", "--human", "--home", folder.file("a")]
                    + ["--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap", address])
            await other.shutdown()
            #expect(late.status == 5)
            #expect(late.error.contains("the session is over"), "\(late.error)")
            #expect(late.error.contains("Ask the creator for a new session."))
        }
    }

    @Test
    func sessionOfOthers() async throws {
        let keys = [try await newKey("a"), SecretKey.generate().publicKey.description]
        _ = try await newKey("stranger")
        try await withNode { [command, folder] address in
            let (ids, tell) = AsyncStream.makeStream(of: String.self)
            let (end, finish) = AsyncStream.makeStream(of: Void.self)
            let network = ["--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap", address]
            // A record is for everybody to read, and still not for everybody to join.
            async let creator = command.follow(
                ["create", "--signers", keys.joined(separator: ","), "--message-hex", "00", "--discovery", "record"]
                    + ["--timeout", "60", "--home", folder.file("a")] + network,
                until: end
            ) { line, _ in
                if line.event == "invitation" { tell.yield(try line.text("session")) }
                return .goOn
            }
            for await id in ids {
                let stranger = try await command.run(
                    ["join", id, "--yes", "--human", "--home", folder.file("stranger")] + network)
                #expect(stranger.status == 3)
                #expect(stranger.error.contains("your key is not among the signers"), "\(stranger.error)")
                #expect(stranger.error.contains("Ask the creator whether your public key"))
                break
            }
            finish.finish()
            let ended = try await creator
            #expect(ended.status == 130)
            #expect(
                try ended.lines.last?.text("message") == "interrupted: nobody else was in the session")
        }
    }

    // MARK: Looking

    /// A creator that runs until the body is done.
    private func whileCreated<Value: Sendable>(
        _ arguments: [String],
        _ body: (_ session: JSONLine) async throws -> Value
    ) async throws -> (Value, creator: Command.Followed) {
        let (sessions, tell) = AsyncStream.makeStream(of: JSONLine.self)
        let (end, finish) = AsyncStream.makeStream(of: Void.self)
        let home = ["--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0", "--timeout", "60"]
        let creator = Task { [command] in
            defer { tell.finish() }
            return try await command.follow(["create"] + arguments + home, until: end) { line, _ in
                if line.event == "invitation" { tell.yield(line) }
                return .goOn
            }
        }
        defer { finish.finish() }
        for await session in sessions {
            let value = try await body(session)
            finish.finish()
            return (value, try await creator.value)
        }
        throw FlowError("no session: \(try await creator.value.lines)")
    }

    @Test
    func aSessionIsShownWithoutJoining() async throws {
        let keys = [try await newKey("a"), try await newKey("b")].joined(separator: ",")
        let stranger = try await newKey("stranger")
        let create = ["--signers", keys, "--message", "hello", "--note", "purpose=rent"]
        try await withNode { [command, folder] address in
            let common = ["--listen", "/ip4/127.0.0.1/tcp/0"]
            let (_, creator) = try await whileCreated(create + ["--bootstrap", address]) { session in
                let id = try session.text("session")
                for target in [[try session.text("invitation")], [id, "--bootstrap", address]] {
                    let shown = try await command.run(
                        ["show", "--home", folder.file("b"), "--human"] + target + common)
                    #expect(shown.status == 0, "\(shown.error)")
                    for words in [
                        "session     \(id)\n", "  as text   | hello\n", "  SHA-256   2cf24dba5fb0a30e", "(you)",
                        "final key   \(try session.text("finalKey"))\n",
                        "says the creator:\n            | purpose = rent",
                    ] {
                        #expect(shown.output.contains(words), "\(words) in \(shown.output)")
                    }
                    let line = try await command.run(["show", "--home", folder.file("b"), "--json"] + target + common)
                    let last = try JSONLine(String(try #require(line.output.split(separator: "\n").last)))
                    #expect(try last.event == "session" && last.texts("messages") == ["68656c6c6f"])
                }
                let other = try await command.run(
                    ["show", try session.text("invitation"), "--home", folder.file("stranger"), "--human"] + common)
                #expect(other.status != 0 && other.output == "", "\(stranger) sees nothing")
            }
            #expect(creator.status == 130)
            #expect(!creator.lines.contains { $0.event == "participantJoined" }, "nobody joined")
            let created = try #require(creator.lines.first { $0.event == "created" })
            #expect(try created.texts("messages") == ["68656c6c6f"], "the creator sees what the others see")
        }
    }

    /// Before anything is sent.
    @Test
    func anotherMessageThanExpected() async throws {
        let keys = [try await newKey("a"), try await newKey("b")].joined(separator: ",")
        let (_, creator) = try await whileCreated(["--signers", keys, "--message", "hello"]) {
            [command, folder] session in
            let refused = try await command.run(
                ["join", try session.text("invitation"), "--yes", "--home", folder.file("b"), "--human"]
                    + ["--listen", "/ip4/127.0.0.1/tcp/0", "--expect-hex", "68656c6c70"])
            #expect(refused.status == 3)
            #expect(
                refused.error.contains("message 1 is not the one expected: its SHA-256 is 2cf24dba"), "\(refused.error)"
            )
        }
        #expect(!creator.lines.contains { $0.event == "participantJoined" })
        try Data("hello".utf8).write(to: URL(fileURLWithPath: folder.file("hello")))
        let (joined, _) = try await whileCreated(["--signers", keys, "--message", "hello"]) {
            [command, folder] session in
            try await command.follow(
                ["join", try session.text("invitation"), "--yes", "--home", folder.file("b"), "--timeout", "60"]
                    + ["--listen", "/ip4/127.0.0.1/tcp/0", "--expect-file", folder.file("hello")])
        }
        #expect(joined.status == 0)
        let signature = try #require(joined.lines.first { $0.event == "signature" })
        #expect(try signature.number("message") == 1)
        #expect(try signature.text("messageHash").hasPrefix("2cf24dba5fb0a30e"))
    }

    // MARK: A DHT that is not there

    /// An invitation needs no DHT.
    @Test
    func anInvitationDoesWithoutTheDHT() async throws {
        let keys = [try await newKey("a"), try await newKey("b")].joined(separator: ",")
        let gone = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let dead = "/ip4/127.0.0.1/tcp/\(try #require(gone.localAddress?.port))"
        try await gone.close()
        // One that takes connections and says nothing is not waited for either.
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let mute = "/ip4/127.0.0.1/tcp/\(try #require(silent.localAddress?.port))"
        let listen = "--listen /ip4/127.0.0.1/tcp/0"
        for (bootstrap, notice) in [
            (dead, "notice      bootstrap \(dead): nobody listens there; the session goes on without"), (mute, ""),
        ] {
            let (joined, _) = try await whileCreated(["--signers", keys, "--message", "hello"]) {
                [command, folder] session in
                try await command.shell(
                    "MUSIG2_BOOTSTRAP=\(bootstrap) '\(command.path)' join \(try session.text("invitation")) --yes "
                        + "--timeout 60 --home '\(folder.file("b"))' \(listen) --human")
            }
            #expect(joined.status == 0, "\(joined.error)")
            #expect(notice.isEmpty || joined.error.contains(notice))
            #expect(!joined.error.contains("cancelled"), "\(joined.error)")
        }
        try await silent.close()
        let create = "'\(command.path)' create --signers \(keys) --message hello --timeout 2 \(listen) --human "
        let created = try await command.shell("MUSIG2_BOOTSTRAP=\(dead) \(create) --home '\(folder.file("a"))'")
        #expect(created.status == 5 && created.output.hasPrefix("musig21"), "\(created.error)")
        #expect(created.error.contains("nobody listens there; the session goes on without the DHT"))
        let asked = try await command.shell("\(create) --home '\(folder.file("a"))' --bootstrap \(dead)")
        #expect(asked.status == 6 && asked.output == "", "a node that is named is wanted")
    }

    @Test
    func creatingWithASilentBootstrap() async throws {
        let keys = [try await newKey("a"), try await newKey("b")].joined(separator: ",")
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        let result = try await failure(
            ["create", "--signers", keys, "--message", "hello", "--timeout", "1"] + common("a")
                + ["--bootstrap", "/ip4/127.0.0.1/tcp/\(port)"])
        try await silent.close()
        #expect(result.status == 5)
        #expect(
            result.message.hasPrefix("error: no session was made: the DHT of --bootstrap was not entered within 1 s\n"),
            "\(result.message)")
        #expect(result.message.contains("Without --bootstrap, the invitation alone"))
    }

    @Test
    func inboxIsFollowedLive() async throws {
        let keys = [try await newKey("a"), try await newKey("b")]
        let lines = try await withNode { [command, folder] address in
            let (empty, isEmpty) = AsyncStream.makeStream(of: Void.self)
            let (end, finish) = AsyncStream.makeStream(of: Void.self)
            let network = ["--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap", address]
            async let watching = command.follow(
                ["inbox", "--watch", "--every", "1", "--timeout", "60", "--home", folder.file("b")] + network,
                until: end
            ) { line, _ in
                if line.event == "empty" { isEmpty.finish() }
                if line.event == "waiting" { finish.finish() }
                return .goOn
            }
            for await _ in empty {}
            let creator = try await command.follow(
                ["create", "--signers", keys.joined(separator: ","), "--message-hex", "68656c6c6f"]
                    + ["--discovery", "inbox", "--timeout", "60", "--home", folder.file("a")] + network,
                until: end)
            #expect(creator.status == 130, "it was ended when its session was found")
            let watched = try await watching
            #expect(watched.status == 0, "\(watched.error)")
            return watched.lines + creator.lines
        }
        let found = try #require(lines.first { $0.event == "waiting" })
        let created = try #require(lines.first { $0.event == "invitation" })
        #expect(try found.text("session") == created.text("session"))
        #expect(try found.texts("messages") == ["68656c6c6f"])
        #expect(try found.text("creatorKey") == keys[0])
        let words = "musig2 join \(try created.text("session")) --bootstrap /ip4/127.0.0.1/"
        #expect(try found.text("command").hasPrefix(words))
        let invitation = try SessionInvitation(parsing: found.text("invitation"))
        #expect(try "\(invitation.session)" == created.text("session"))
        #expect(try created.texts("discovery") == ["inbox"])
    }
}
