import FlowKit
import Foundation
import MuSig2
import Multiformats
import NIOCore
import NIOPosix
import PeerTransportNIO
import Secp256k1
import Testing
import WireCodec

/// What a newcomer does wrong, and what the command says: a clear message, an exit status, and nothing hangs.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct CommandTests {
    private let command: Command
    private let folder: TemporaryFolder

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

    @Test
    func keyIsPrivateShownAndNeverOverwritten() async throws {
        let key = try await newKey("a")
        #expect(key.count == 66)
        let mode = try FileManager.default.attributesOfItem(atPath: folder.file("a/key"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let shown = try await command.run(["key", "show", "--home", folder.file("a"), "--human"])
        #expect(shown.output == key + "\n")
        let again = try await failure(["key", "new", "--home", folder.file("a")])
        #expect(again.status == 2)
        #expect(again.message.contains("there is a key already: \(folder.file("a/key"))"))
    }

    @Test
    func homeOfTheEnvironment() async throws {
        let user = folder.file("user")
        try FileManager.default.createDirectory(atPath: user, withIntermediateDirectories: true)
        let made = try await command.shell("HOME='\(user)' MUSIG2_HOME= '\(command.path)' key new --json")
        #expect(try JSONLine(made.output).text("file") == "\(user)/.musig2/key")
        let other = folder.file("other")
        let named = try await command.shell("HOME='\(user)' MUSIG2_HOME='\(other)' '\(command.path)' key new --json")
        #expect(try JSONLine(named.output).text("file") == "\(other)/key")
    }

    @Test
    func keyFilesOfOthersAreRefused() async throws {
        _ = try await newKey("a")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.file("a/key"))
        let open = try await failure(["key", "show", "--home", folder.file("a")])
        #expect(open.status == 2)
        #expect(open.message.contains("expected mode 600, found 644: others may have read the key"))

        try FileManager.default.createDirectory(atPath: folder.file("b"), withIntermediateDirectories: true)
        try Data("not a key\n".utf8).write(to: URL(fileURLWithPath: folder.file("b/key")))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.file("b/key"))
        let wrong = try await failure(["key", "show", "--home", folder.file("b")])
        #expect(wrong.status == 2)
        #expect(wrong.message.contains("holds no key: expected 64 hexadecimal digits and a newline"))

        let missing = try await failure(["key", "show", "--home", folder.file("c")])
        #expect(missing.status == 2)
        #expect(missing.message.contains("Make one with `musig2 key new`."))
    }

    @Test
    func aggregateAndVerify() async throws {
        let signers = [try await newKey("a"), try await newKey("b")]
        let keys = try signers.map { try PublicKey(compressedRepresentation: #require(Hex.decode($0))) }
        let expected = try KeyAggContext(keys: KeySort.sorted(keys)).xOnlyKey
        let aggregate = try await command.run(["aggregate", "--signers", signers.joined(separator: ","), "--human"])
        #expect(aggregate.output == "\(expected)\n")

        // The other order has another key, which is told.
        let given = keys == KeySort.sorted(keys) ? keys.reversed() : keys
        let givenKey = try KeyAggContext(keys: given).xOnlyKey
        let names = ["--signers", given.map { "\($0)" }.joined(separator: ",")]
        let both = try await command.run(["aggregate", "--human"] + names)
        #expect(both.output == "\(expected)\n")
        #expect(both.error.contains("in the order given, which takes --given-order, the key is \(givenKey)"))
        #expect(try await command.run(["aggregate", "--human", "--given-order"] + names).output == "\(givenKey)\n")
        let known = try await command.run(["aggregate", "--human", "--expect-key", "\(givenKey)"] + names)
        #expect(known.output == "\(givenKey)\n" && known.error.contains("the key of the signers in the order given"))
        let unknown = try await failure(
            ["aggregate", "--expect-key", "\(SecretKey.generate().xOnlyPublicKey)"] + names)
        #expect(unknown.status == 7 && unknown.message.contains("not the one expected"))

        let create = ["create", "--message", "x", "--expect-key", "\(givenKey)", "--home", folder.file("a")]
        let refused = try await failure(create + names)
        #expect(
            refused.status == 3 && refused.message.contains("in the order given: --given-order."), "\(refused.message)")

        let key = SecretKey.generate()
        let signature = try key.schnorrSignature(for: Array("hello".utf8))
        let check = ["verify", "--key", "\(key.xOnlyPublicKey)", "--signature", "\(signature)", "--human"]
        #expect(try await command.run(check + ["--message-hex", "68656c6c6f"]).status == 0)
        #expect(try await command.run(check + ["--message", "hello"]).status == 0)
        let words = check.joined(separator: " ")
        #expect(try await command.shell("printf hello | '\(command.path)' \(words) --message -").status == 0)
        #expect(try await command.shell("printf hello | '\(command.path)' \(words) --message-file -").status == 0)
        #expect(try await command.shell("printf hell | '\(command.path)' \(words) --message -").status == 7)
        // What is no signature, and what is no key.
        let texts = [(4, "\(signature)00"), (4, String("\(signature)".dropLast(2))), (4, "zz"), (2, "00"), (2, "zz")]
        for (place, text) in texts {
            var malformed = check + ["--message", "hello"]
            malformed[place] = text
            #expect(try await command.run(malformed).status == 64)
        }
        let wrong = try await failure(check.dropLast() + ["--message-hex", "68656c6c70"])
        #expect(wrong.status == 7)
        #expect(wrong.message.contains("signature 1 is not valid for message 1"))
    }

    @Test(arguments: [true, false])
    func verifySaysWhichOrderIsValid(isSorted: Bool) async throws {
        let first = SecretKey.generate()
        let second = SecretKey.generate()
        let sorted = KeySort.sorted([first.publicKey, second.publicKey])
        let context = try KeyAggContext(keys: isSorted ? sorted : sorted.reversed())
        let signature = try Self.sign(Array("hello".utf8), context, first, second)
        // In either case they are named out of order.
        let names = sorted.reversed().map(\.description).joined(separator: ",")
        let check = ["verify", "--signers", names, "--signature", "\(signature)", "--message", "hello"]
        let valid = try await command.run(check + ["--human"])
        let words = isSorted ? "in sorted order" : "in the order given"
        #expect(valid.output == "valid under \(context.xOnlyKey), the key of the signers \(words)\n", "\(valid.error)")
        #expect(valid.status == 0)
        let other = try await failure(check + [isSorted ? "--given-order" : "--sorted"])
        #expect(other.status == 7, "one that is asked for is tried alone")
        let neither = try await failure(check.dropLast() + ["hello!"])
        #expect(neither.status == 7)
        #expect(neither.message.contains("(the signers in sorted order); signature 1 is not valid for message 1 under"))
    }

    private static func sign(
        _ message: [UInt8], _ context: KeyAggContext, _ first: borrowing SecretKey, _ second: borrowing SecretKey
    ) throws -> SchnorrSignature {
        let nonce = try SecretNonce.generate(secretKey: first, aggregateKey: context.xOnlyKey, message: message)
        let other = try SecretNonce.generate(secretKey: second, aggregateKey: context.xOnlyKey, message: message)
        let aggregate = try AggregateNonce(aggregating: [nonce.publicNonce, other.publicNonce])
        let session = try SigningSession(context: context, aggregateNonce: aggregate, message: message)
        return try session.aggregate([session.sign(nonce, with: first), session.sign(other, with: second)])
    }

    @Test
    func wrongSigners() async throws {
        let own = try await newKey("a")
        let message = ["--message-hex", "00", "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0"]
        let noKey = try await failure(["create", "--signers", "\(own),02ff"] + message)
        #expect(noKey.status == 64)
        #expect(noKey.message.contains("--signers: key 2: expected 33 bytes, found 2"))
        let others = ["\(SecretKey.generate().publicKey)", "\(SecretKey.generate().publicKey)"]
        let notOwn = try await failure(["create", "--signers", others.joined(separator: ",")] + message)
        #expect(notOwn.status == 64)
        #expect(notOwn.message.contains("your own key is not among the 2 keys"))
        let twice = try await failure(["create", "--signers", "\(own),\(own)"] + message)
        #expect(twice.status == 64)
        #expect(twice.message.contains("--signers: key 1 and key 2 are the same"))
        let alone = try await failure(["create", "--signers", own] + message)
        #expect(alone.message.contains("--signers: expected at least 2, found 1"))
        let crowd = (0..<32).map { _ in "\(SecretKey.generate().publicKey)" }
        let mesh = try await failure(
            ["create", "--signers", ([own] + crowd).joined(separator: ","), "--topology", "mesh"] + message)
        #expect(mesh.status == 64)
        #expect(mesh.message.contains("--topology mesh: expected at most 32 signers, found 33"))
    }

    @Test
    func wrongNumbersFilesAndNotes() async throws {
        let own = try await newKey("a")
        let create = [
            "create", "--signers", "\(own),\(SecretKey.generate().publicKey)", "--home", folder.file("a"), "--listen",
            "/ip4/127.0.0.1/tcp/0",
        ]
        for (arguments, message) in [
            (["--timeout", "-1"], "--timeout: expected 1 to 2592000 seconds (30 days), found -1"),
            (["--timeout", "9223372036854775807"], "found 9223372036854775807"),
            (["--expiry", "0"], "--expiry: expected 1 to 2592000 seconds (30 days), found 0"),
            (["--note", "a=1", "--note", "a=2"], "--note: \"a\" is given twice"),
            (["--home", ""], "--home: expected a folder, found an empty text"),
        ] {
            let wrong = try await failure(create + ["--message-hex", "00"] + arguments)
            #expect(wrong.status == 64)
            #expect(wrong.message.contains(message))
        }
        try Data(count: 196_609).write(to: URL(fileURLWithPath: folder.file("large")))
        let large = try await failure(create + ["--message-file", folder.file("large")])
        #expect(large.status == 64)
        #expect(large.message.contains("expected at most 196608 bytes, found more"))
        let notAFile = try await failure(create + ["--message-file", folder.path])
        #expect(notAFile.status == 2)
        #expect(notAFile.message.contains("cannot read \(folder.path): Is a directory"))
        let noFolder = try await failure(["key", "new", "--home", folder.file("large")])
        #expect(noFolder.status == 2)
        #expect(noFolder.message.contains("cannot make the folder \(folder.file("large")): Not a directory"))
    }

    @Test
    func mangledInvitation() async throws {
        _ = try await newKey("a")
        let peer = NodeIdentity.generateEd25519().peerID
        let address = try Multiaddr("/ip4/127.0.0.1/tcp/1/p2p/\(peer)")
        let text = try Invitation(sessionID: Array(repeating: 1, count: 32), addresses: [address]).text
        let last = try #require(text.last)
        let mangled = text.dropLast() + (last == "q" ? "p" : "q")
        let join = ["--yes", "--home", folder.file("a")]
        let wrong = try await failure(["join", String(mangled)] + join)
        #expect(wrong.status == 64)
        #expect(wrong.message.contains("the checksum does not match"))
        let other = try await failure(["join", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"] + join)
        #expect(other.status == 64)
        #expect(other.message.contains("expected a text that starts with musig21"))
        #expect(
            other.message.contains("       A session is named by its id, 64 hexadecimal digits, or by its invitation"))
    }

    @Test
    func nobodyThere() async throws {
        _ = try await newKey("a")
        // A port that was free a moment ago: nobody listens there.
        let group = MultiThreadedEventLoopGroup.singleton
        let channel = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await channel.close()
        let result = try await failure(
            [
                "join", try invitation(port: port), "--yes", "--home", folder.file("a"), "--listen",
                "/ip4/127.0.0.1/tcp/0",
            ])
        #expect(result.status == 6)
        #expect(result.message.contains("Is the creator's command still running"))
    }

    @Test
    func peerThatIsNotLibp2p() async throws {
        _ = try await newKey("a")
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(WebServer()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let result = try await failure(
            [
                "join", try invitation(port: port), "--yes", "--home", folder.file("a"), "--listen",
                "/ip4/127.0.0.1/tcp/0",
            ])
        try await server.close()
        #expect(result.status == 6)
        #expect(result.message.contains("the other side is not a libp2p peer"))
    }

    @Test
    func portInUse() async throws {
        let own = try await newKey("a")
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let result = try await failure([
            "create", "--signers", "\(own),\(SecretKey.generate().publicKey)", "--message-hex", "00",
            "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/\(port)",
        ])
        try await server.close()
        #expect(result.status == 6)
        #expect(result.message.contains("\(port)"))
        #expect(result.message.contains("Choose another port with --listen"))
    }

    @Test
    func signerThatNeverComes() async throws {
        let own = try await newKey("a")
        let finished = try await command.run([
            "create", "--signers", "\(own),\(SecretKey.generate().publicKey)", "--message-hex", "00",
            "--home", folder.file("a"), "--listen", "/ip4/127.0.0.1/tcp/0", "--timeout", "1", "--human",
        ])
        #expect(finished.status == 5)
        #expect(finished.output.hasPrefix("musig21"))
        #expect(finished.error.contains("no signature within 1 s"))
    }

    @Test
    func joiningNeedsAYes() async throws {
        _ = try await newKey("a")
        let result = try await failure(["join", try invitation(port: 1), "--home", folder.file("a")])
        #expect(result.status == 3)
        #expect(result.message.contains("Say yes beforehand with --yes"))
    }

    @Test
    func usageErrorsAreJSONToo() async throws {
        for arguments in [["create", "--nonsense"], ["create", "--expiry", "x"], ["join"]] {
            let wrong = try await command.run(arguments + ["--json"])
            #expect(wrong.status == 64 && wrong.error == "", "\(arguments): \(wrong.error)")
            let line = try JSONLine(wrong.output)
            #expect(try line.event == "error" && line.number("status") == 64, "\(arguments)")
            #expect(try !line.text("message").isEmpty && line.text("hint").contains("--help"))
            let words = try await failure(arguments)
            #expect(words.status == 64)
            #expect(words.message.hasPrefix("error: \(try line.text("message"))"), "\(words.message)")
        }
    }

    @Test
    func decodesInvitations() async throws {
        let text = try invitation(port: 4001)
        let decoded = try await command.run(["decode", text, "--human"])
        #expect(decoded.status == 0)
        #expect(decoded.output.contains("/ip4/127.0.0.1/tcp/4001/p2p/"))
        let nothing = try await failure(["decode", "00ff"])
        #expect(nothing.status == 64)
        #expect(nothing.message.contains("2 bytes that are no message of this protocol"))
    }

    private func invitation(port: Int) throws -> String {
        let peer = NodeIdentity.generateEd25519().peerID
        let address = try Multiaddr("/ip4/127.0.0.1/tcp/\(port)/p2p/\(peer)")
        return try Invitation(sessionID: Array(repeating: 1, count: 32), addresses: [address]).text
    }
}

/// Says what web servers say to what they do not understand.
final class WebServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n")), promise: nil)
        context.fireChannelActive()
    }
}
