import Multiformats
import Testing
import WireCodec

/// Figures made with py-libp2p 0.8.1, and seen from go-libp2p 0.32.
@Suite("Messages of libp2p")
struct Libp2pMessageTests {
    static let key = "08011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606"
    static let peer = "0024" + key
    static let signature =
        "9f2e632cb7cacf447fee7d9ac6527d8fb0a3ee0de5922958bafd3ca1c598e23b8e39a6fa440dcede79739049597c6dc5"
        + "07400af08ceabba732488ff048719a05"
    static let record =
        "0a26\(peer)10011a0a0a08047f000001060fa11a0c0a0a047f000001060fa2dd03"
    static let recordSignature =
        "109294148bb2ed3d8b0fe7afb29435f80001134048bc12c5570e643039d6288e78926de2488c68468bc0021e16eacf8e"
        + "ae7660eaf181d47de285e743de681206"

    private func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    @Test func noisePayloads() throws {
        let plain = try bytes("0a24\(Self.key)1240\(Self.signature)")
        let payload = try NoisePayload(decoding: plain)
        #expect(payload == NoisePayload(identityKey: try bytes(Self.key), identitySignature: try bytes(Self.signature)))
        #expect(payload.encoded() == plain)
        let early = try bytes("0a24\(Self.key)1240\(Self.signature)220e120c2f79616d75782f312e302e30")
        let withMuxer = try NoisePayload(decoding: early)
        #expect(withMuxer.streamMuxers == ["/yamux/1.0.0"])
        #expect(withMuxer.encoded() == early)
    }

    @Test func noisePayloadsOfOthers() throws {
        // An old `data` field, certificate hashes, and a field from the future.
        let payload = try NoisePayload(
            decoding: try bytes("0a0101" + "120102" + "1a0103" + "22080a0201021202" + "2f61" + "2801"))
        #expect(payload == NoisePayload(identityKey: [1], identitySignature: [2], streamMuxers: ["/a"]))
        #expect(throws: WireError("NoiseHandshakePayload", "identity_key", .missing)) { try NoisePayload(decoding: []) }
        #expect(throws: WireError("NoiseHandshakePayload", "identity_sig", .missing)) {
            try NoisePayload(decoding: [0x0a, 1, 1])
        }
        let many = NoisePayload(
            identityKey: [1], identitySignature: [2], streamMuxers: [String](repeating: "/a", count: 101))
        #expect(try NoisePayload(decoding: many.encoded()).streamMuxers == [])
    }

    @Test func signedPeerRecord() throws {
        let record = try PeerRecord(decoding: try bytes(Self.record))
        #expect(
            record
                == PeerRecord(
                    peerID: try bytes(Self.peer), sequence: 1,
                    addresses: [try bytes("047f000001060fa1"), try bytes("047f000001060fa2dd03")]))
        #expect(Hex.encode(record.encoded()) == Self.record)
        let envelopeBytes = try bytes("0a24\(Self.key)120203011a44\(Self.record)2a40\(Self.recordSignature)")
        let envelope = try SignedEnvelope(decoding: envelopeBytes)
        #expect(envelope.publicKey == (try bytes(Self.key)))
        #expect(envelope.payloadType == PeerRecord.payloadType)
        #expect(envelope.payload == record.encoded())
        #expect(Hex.encode(envelope.signature) == Self.recordSignature)
        #expect(envelope.encoded() == envelopeBytes)
        #expect(
            Hex.encode(envelope.signedBytes(domain: PeerRecord.domain))
                == "126c69627032702d706565722d7265636f726402030144" + Self.record)
        #expect(throws: WireError("PeerRecord", "peer_id", .missing)) { try PeerRecord(decoding: []) }
        #expect(throws: WireError("Envelope", "signature", .missing)) { try SignedEnvelope(decoding: [0x0a, 1, 1]) }
    }

    /// One text that is not UTF-8 spoils nothing but itself.
    @Test func textsThatAreNotUTF8() throws {
        let identify = try Identify(
            decoding: try bytes("1a022f61" + "1a03ff2f62" + "1a022f63" + "2a0178" + "3203ff6162" + "420109"))
        #expect(
            identify
                == Identify(
                    protocols: ["/a", "\u{FFFD}/b", "/c"], protocolVersion: "x", agentVersion: "\u{FFFD}ab",
                    signedPeerRecord: [9]))
        let noise = try NoisePayload(decoding: try bytes("0a0101" + "120102" + "2209" + "1201ff" + "120479757578"))
        #expect(noise.streamMuxers == ["\u{FFFD}", "yuux"])
        let message = try KademliaMessage(decoding: try bytes("0801" + "1a09" + "0a0101" + "120102" + "2a01ff"))
        #expect(message.record == .init(key: [1], value: [2], timeReceived: "\u{FFFD}"))
    }

    @Test func identifyPartsAreMerged() throws {
        var first = Identify(publicKey: [1], protocols: ["/a"], agentVersion: "x")
        first.merge(Identify(listenAddresses: [[2]], protocols: ["/b"], signedPeerRecord: [3]))
        #expect(
            first
                == Identify(
                    publicKey: [1], listenAddresses: [[2]], protocols: ["/a", "/b"], agentVersion: "x",
                    signedPeerRecord: [3]))
        #expect(try Identify(decoding: []) == Identify())
    }

    @Test func kademlia() throws {
        let resp = "00250802122103f3be85aa61497194ba3bbc3d13dd0bff400b57b95dd0c472a27a85f4807319c9"
        let multihash = "12208254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a"
        let figures: [(String, KademliaMessage)] = [
            ("08041227" + resp, KademliaMessage(kind: .findNode, key: try bytes(resp))),
            ("08031222" + multihash, KademliaMessage(kind: .getProviders, key: try bytes(multihash))),
            (
                "08021222\(multihash)4a340a26\(Self.peer)1208047f000001060fa11801",
                KademliaMessage(
                    kind: .addProvider, key: try bytes(multihash),
                    providerPeers: [
                        .init(id: try bytes(Self.peer), addresses: [try bytes("047f000001060fa1")], connection: 1)
                    ])
            ),
            (
                "0800122a2f706b2f\(Self.peer)1a520a2a2f706b2f\(Self.peer)1224\(Self.key)",
                KademliaMessage(
                    kind: .putValue, key: try bytes("2f706b2f" + Self.peer),
                    record: .init(key: try bytes("2f706b2f" + Self.peer), value: try bytes(Self.key)))
            ),
        ]
        for (hex, message) in figures {
            #expect(try KademliaMessage(decoding: try bytes(hex)) == message)
            #expect(Hex.encode(message.encoded()) == hex)
        }
        // A cluster level and a sender's record are skipped; a kind that does not exist is not.
        #expect(try KademliaMessage(decoding: try bytes("080450015a0101")) == KademliaMessage(kind: .findNode))
        #expect(throws: WireError("Message", "type", .outOfRange(6))) { try KademliaMessage(decoding: [0x08, 6]) }
    }
}
