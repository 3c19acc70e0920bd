import Foundation
import Multiformats
import Testing
import WireCodec
import WireCodecSamples

/// Our bytes against the reference compiler, both ways, with the `.proto` files of the package.
///
/// Needs `protoc` (Debian: protobuf-compiler, Homebrew: protobuf).
@Suite("Messages as protoc reads them", .serialized)
struct ProtocTests {
    struct Case: Sendable, CustomStringConvertible {
        let file: String
        let type: String
        let bytes: [UInt8]
        var description: String { type }

        init(_ file: String, _ type: String, _ bytes: [UInt8]) {
            self.file = file
            self.type = type
            self.bytes = bytes
        }

        init<Message: WireMessage>(_ message: Message) {
            self.init("musig2.proto", "musig2p2p.v1.\(Message.messageName)", message.encoded())
        }
    }

    static let cases: [Case] =
        [
            Case(Samples.descriptor), Case(Samples.taprootDescriptor), Case(Samples.announcement),
            Case(Samples.signedAnnouncement), Case(Samples.signed(.join(Samples.join))),
            Case(Samples.signed(.restart(Samples.restart)).body), Case(Samples.join), Case(Samples.nonceCommit),
            Case(Samples.nonceCommitsComplete), Case(Samples.nonceShare), Case(Samples.noncesComplete),
            Case(Samples.partialSigShare), Case(Samples.restart), Case(Samples.abort), Case(Samples.evidence),
            Case(Samples.broadcastDone), Case(Samples.decline), Case(Samples.signatureFinalized), Case(Samples.sync),
            Case(Samples.errorReply),
            Case(Samples.hello), Case(Samples.helloProof), Case(Samples.helloJoiner), Case(Samples.helloAnnouncements),
            Case("musig2.proto", "musig2p2p.v1.Frame", Samples.frame.encoded()),
            Case("libp2p.proto", "libp2p.PublicKey", Array(Samples.peerID.dropFirst(2))),
            Case("libp2p.proto", "libp2p.PrivateKey", [0x08, 0x00, 0x12, 0x02, 0x01, 0x02]),
            Case("libp2p.proto", "libp2p.NoiseHandshakePayload", Samples.noisePayload.encoded()),
            Case("libp2p.proto", "libp2p.Identify", Samples.identify.encoded()),
            Case("libp2p.proto", "libp2p.Envelope", Samples.signedEnvelope.encoded()),
            Case("libp2p.proto", "libp2p.PeerRecord", Samples.peerRecord.encoded()),
        ]

    /// Ours to text by `protoc`, and from that text back to bytes: no field is unknown, and the encoding is ours.
    @Test(arguments: cases)
    func oursThereAndBack(item: Case) throws {
        let text = try Self.protoc(["--decode=\(item.type)", item.file], input: item.bytes)
        #expect(!text.isEmpty)
        #expect(try Self.protoc(["--encode=\(item.type)", item.file], input: text) == item.bytes)
    }

    /// Theirs from a text written by hand.
    @Test func theirDescriptor() throws {
        let key = #"\002"# + String(repeating: #"\001"#, count: 32)
        let text = """
            version: 1 scheme: SCHEME_BIP340 signer_keys: "\(key)" messages: "hi" messages: ""
            tweaks { tweak: "\(String(repeating: "t", count: 32))" x_only: true }
            election: ELECTION_FIRST topology: TOPOLOGY_STAR nonce_timeout_ms: 1000 partial_timeout_ms: 2000
            created_ms: 5 expires_ms: 6 random: "\(String(repeating: "r", count: 32))"
            metadata { key: "a" value: "b" }
            """
        var descriptor = Descriptor(
            signerKeys: [[2] + [UInt8](repeating: 1, count: 32)], messages: [Array("hi".utf8), []],
            createdMilliseconds: 5, expiresMilliseconds: 6, random: [UInt8](repeating: UInt8(ascii: "r"), count: 32))
        descriptor.tweaks = [.init([UInt8](repeating: UInt8(ascii: "t"), count: 32), isXOnly: true)]
        descriptor.election = .first
        descriptor.topology = .star
        descriptor.nonceTimeoutMilliseconds = 1_000
        descriptor.partialTimeoutMilliseconds = 2_000
        descriptor.metadata = [.init("a", "b")]
        let bytes = try Self.protoc(["--encode=musig2p2p.v1.Descriptor", "musig2.proto"], input: Array(text.utf8))
        #expect(try Descriptor(decoding: bytes) == descriptor)
        #expect(descriptor.encoded() == bytes)
    }

    @Test func theirSync() throws {
        let id = String(repeating: "s", count: 32)
        let text = """
            session_id: "\(id)" attempt: 3 index: 5 run: 9000000000000000000 final: true
            wanted { type: NONCE_SHARE indices: [1, 300] } wanted { type: SIGNATURE_FINALIZED }
            leaves: "\(String(repeating: "l", count: 32))"
            """
        let bytes = try Self.protoc(["--encode=musig2p2p.v1.Sync", "musig2.proto"], input: Array(text.utf8))
        #expect(
            try Sync(decoding: bytes)
                == Sync(
                    sessionID: Array(id.utf8), attempt: 3, index: 5, run: 9_000_000_000_000_000_000,
                    isFinal: true,
                    wanted: [.init(.nonceShare, indices: [1, 300]), .init(.signatureFinalized)],
                    leaves: [[UInt8](repeating: UInt8(ascii: "l"), count: 32)]))
    }

    @Test func theirInvitation() throws {
        let address = try Multiaddr("/p2p/\(Samples.invitationPeer)")
        let invitation = try Invitation(sessionID: Samples.sessionID, addresses: [address])
        let escaped: ([UInt8]) -> String = { $0.map { "\\x" + Hex.encode([$0]) }.joined() }
        let text = "session_id: \"\(escaped(Samples.sessionID))\" addresses: \"\(escaped(address.bytes))\""
        let bytes = try Self.protoc(["--encode=musig2p2p.v1.Invitation", "musig2.proto"], input: Array(text.utf8))
        #expect(bytes == [0x0a, 32] + Samples.sessionID + [0x12, UInt8(address.bytes.count)] + address.bytes)
        #expect(try Invitation(invitation.text).addresses == [address])
    }

    /// A ten-byte negative number and unknown fields, which a tolerant reader has to bear.
    @Test func theirKademlia() throws {
        let text =
            #"type: FIND_NODE key: "k" closerPeers { id: "p" addrs: "a" connection: CAN_CONNECT } clusterLevelRaw: -1"#
        let bytes = try Self.protoc(["--encode=libp2p.Message", "libp2p.proto"], input: Array(text.utf8))
        let message = KademliaMessage(
            kind: .findNode, key: Array("k".utf8),
            closerPeers: [.init(id: Array("p".utf8), addresses: [Array("a".utf8)], connection: 2)])
        #expect(try KademliaMessage(decoding: bytes) == message)
        let decoded = try Self.protoc(["--decode=libp2p.Message", "libp2p.proto"], input: Samples.kademlia.encoded())
        #expect(
            try KademliaMessage(decoding: try Self.protoc(["--encode=libp2p.Message", "libp2p.proto"], input: decoded))
                == Samples.kademlia)
    }

    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    private static let protos = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(
            "Protos")

    private static func protoc(_ arguments: [String], input: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["protoc", "--proto_path=\(protos.path)"] + arguments
        // Files rather than pipes: nobody has to read while the other writes.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("protoc-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let files = ["in", "out", "err"].map { folder.appendingPathComponent($0) }
        try Data(input).write(to: files[0])
        for file in files.dropFirst() { try Data().write(to: file) }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let message = String(decoding: try Data(contentsOf: files[2]), as: UTF8.self)
            throw Failed(
                description: "protoc \(arguments) failed (\(process.terminationStatus)); is it installed? \(message)")
        }
        return Array(try Data(contentsOf: files[1]))
    }
}
