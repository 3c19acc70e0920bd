import Multiformats
import WireCodec

/// A decoder as the tests see it: bytes in; the encoding of what was understood, or a description of the typed error, out.
package struct DecoderCase: Sendable, CustomStringConvertible {
    /// What the decoder read.
    package enum Outcome: Hashable, Sendable {
        /// A value with this encoding.
        case value([UInt8])
        /// An error with this text.
        case refused(String)
    }

    package let name: String
    /// Valid inputs.
    package let samples: [[UInt8]]
    /// Whether an accepted input is always the encoding of its value.
    package let isCanonical: Bool
    package let decode: @Sendable ([UInt8]) -> Outcome

    package var description: String { name }

    init(
        _ name: String, _ samples: [[UInt8]], isCanonical: Bool, decode: @escaping @Sendable ([UInt8]) -> Outcome
    ) {
        self.name = name
        self.samples = samples
        self.isCanonical = isCanonical
        self.decode = decode
    }

    init<Message: WireMessage>(_ sample: Message) {
        self.init(Message.messageName, [sample.encoded()], isCanonical: Message.mode == .canonical) { bytes in
            do throws(WireError) {
                return .value(try Message(decoding: bytes).encoded())
            } catch {
                return .refused(error.description)
            }
        }
    }

    /// Every decoder of the package.
    package static let all: [DecoderCase] = messages + libp2p + formats

    /// The messages of the signing protocol.
    package static let messages: [DecoderCase] =
        [
            DecoderCase(Samples.descriptor), DecoderCase(Samples.taprootDescriptor), DecoderCase(Samples.announcement),
            DecoderCase(Samples.signedAnnouncement), DecoderCase(Samples.signed(.restart(Samples.restart))),
            DecoderCase(Samples.signed(.join(Samples.join)).body), DecoderCase(Samples.join),
            DecoderCase(Samples.nonceCommit), DecoderCase(Samples.nonceCommitsComplete),
            DecoderCase(Samples.nonceShare),
            DecoderCase(Samples.noncesComplete), DecoderCase(Samples.partialSigShare), DecoderCase(Samples.restart),
            DecoderCase(Samples.abort), DecoderCase(Samples.evidence), DecoderCase(Samples.broadcastDone),
            DecoderCase(Samples.decline), DecoderCase(Samples.signatureFinalized), DecoderCase(Samples.sync),
            DecoderCase(Sync.Wanted(.join, indices: [1, 2])), DecoderCase(Samples.errorReply),
            DecoderCase(Samples.hello),
            DecoderCase(Samples.helloProof), DecoderCase(Samples.helloJoiner), DecoderCase(Samples.helloAnnouncements),
            // Deflated items have no canonical form; all else in a frame does.
            DecoderCase("Frame", [Samples.frame.encoded()], isCanonical: false) { bytes in
                do throws(WireError) {
                    return .value(try Frame(decoding: bytes).inflated().encoded())
                } catch {
                    return .refused(error.description)
                }
            },
            DecoderCase("Frame of plain items", [plainFrame.encoded()], isCanonical: true) { bytes in
                do throws(WireError) {
                    return .value(try Frame(decoding: bytes).encoded())
                } catch {
                    return .refused(error.description)
                }
            },
        ]
        + Samples.payloads.map { payload in
            DecoderCase("Payload \(payload.type)", [payload.encoded()], isCanonical: true) { bytes in
                do throws(WireError) {
                    return .value(try Payload(decoding: bytes, type: payload.type).encoded())
                } catch {
                    return .refused(error.description)
                }
            }
        }

    static let plainFrame = Frame([
        .sync(Samples.sync), .signedMessage(Samples.signed(.nonceShare(Samples.nonceShare))),
    ])

    /// The messages of libp2p.
    package static let libp2p: [DecoderCase] = [
        DecoderCase(Samples.noisePayload), DecoderCase(Samples.peerRecord), DecoderCase(Samples.signedEnvelope),
        DecoderCase(Samples.identify), DecoderCase(Samples.kademlia),
    ]

    /// Identifiers, addresses, texts, frames, zlib.
    package static let formats: [DecoderCase] = [
        DecoderCase("UVarint", [[0xac, 0x02]], isCanonical: true) { bytes in
            var offset = 0
            do throws(VarintError) {
                return .value(UVarint.encode(try UVarint.decode(bytes, at: &offset)) + bytes[offset...])
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("PeerID", [Samples.peerID], isCanonical: true) { bytes in
            do throws(PeerIDError) {
                let peer = try PeerID(bytes: bytes)
                _ = peer.publicKey
                return .value(peer.bytes)
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("PeerID text", [Array(Samples.invitationPeer.utf8)], isCanonical: false) { bytes in
            do throws(PeerIDError) {
                return .value(Array(try PeerID(String(decoding: bytes, as: UTF8.self)).description.utf8))
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("PublicKey", [Array(Samples.peerID.dropFirst(2))], isCanonical: true) { bytes in
            do throws(KeyProtobufError) {
                return .value(try PublicKeyProtobuf(bytes: bytes).bytes)
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("PrivateKey", [[0x08, 0x02, 0x12, 0x20] + Samples.bytes(32, 2)], isCanonical: true) { bytes in
            do throws(KeyProtobufError) {
                return .value(try PrivateKeyProtobuf(bytes: bytes).bytes)
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("Multihash", [[0x12, 0x20] + Samples.bytes(32, 2)], isCanonical: true) { bytes in
            do throws(MultihashError) {
                return .value(try Multihash(bytes: bytes).bytes)
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase(
            "Multiaddr", [Samples.address + [0xa5, 0x03, 0x26] + Samples.peerID + [0xa2, 0x02]], isCanonical: true
        ) { bytes in
            do throws(MultiaddrError) {
                return .value(try Multiaddr(bytes: bytes).bytes)
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase(
            "Multiaddr text", [Array("/ip6/fe80::1/tcp/9/http-path/a%2Fb/p2p/\(Samples.invitationPeer)".utf8)],
            isCanonical: false
        ) { bytes in
            do throws(MultiaddrError) {
                return .value(Array(try Multiaddr(String(decoding: bytes, as: UTF8.self)).description.utf8))
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("Invitation", [Array(invitationText.utf8)], isCanonical: false) { bytes in
            do throws(InvitationError) {
                return .value(Array(try Invitation(String(decoding: bytes, as: UTF8.self)).text.utf8))
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("FrameDecoder", [FrameEncoder.encode(Samples.sessionID)], isCanonical: true) { bytes in
            var decoder = FrameDecoder(maximumLength: 4_096)
            do throws(FrameError) {
                let frames = try decoder.feed(bytes)
                try decoder.finish()
                return .value(frames.flatMap { FrameEncoder.encode($0) })
            } catch {
                return .refused(error.description)
            }
        },
        DecoderCase("Zlib", [deflated], isCanonical: false) { bytes in
            do throws(ZlibError) {
                return .value(try Zlib.deflate(try Zlib.inflate(bytes, limit: 64 << 10)))
            } catch {
                return .refused(error.description)
            }
        },
    ]

    /// `Samples.invitation()` as text.
    static let invitationText: String = (try? Samples.invitation().text) ?? ""
    /// 1,000 equal bytes, deflated.
    static let deflated: [UInt8] = (try? Zlib.deflate([UInt8](repeating: 5, count: 1_000))) ?? []
}
