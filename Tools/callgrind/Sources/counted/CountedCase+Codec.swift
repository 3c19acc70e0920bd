import CodecSamples
import WireCodec

extension CountedCase {
    /// Frames between signers: the item made into bytes with its length in front, and the way back.
    static var frames: [CountedCase] {
        let items: [(String, () -> FrameItem)] = [
            ("nonce share", { .signedMessage(Samples.signed(.nonceShare(Samples.nonceShare))) }),
            ("partial signatures", { .signedMessage(Samples.signed(.partialSigShare(Samples.partialSigShare))) }),
            ("sync", { .sync(Samples.sync) }),
        ]
        return items.flatMap { name, item in
            [
                CountedCase("encode a frame: \(name)") {
                    let frame = Frame([item()])
                    return { use(FrameEncoder.encode(frame.encoded())) }
                },
                CountedCase("decode a frame: \(name)") {
                    let bytes = FrameEncoder.encode(Frame([item()]).encoded())
                    return {
                        var decoder = FrameDecoder(maximumLength: WireLimits.standard.frameBytes)
                        for content in try decoder.feed(bytes) { use(try Frame(decoding: content)) }
                    }
                },
            ]
        }
    }

    /// The answer of a DHT node to FIND_NODE: twenty peers with two addresses each.
    static var messages: [CountedCase] {
        [
            CountedCase("encode an answer to FIND_NODE") {
                let answer = Self.answer
                return { use(answer.encoded()) }
            },
            CountedCase("decode an answer to FIND_NODE") {
                let bytes = Self.answer.encoded()
                return { use(try KademliaMessage(decoding: bytes)) }
            },
        ]
    }

    private static var answer: KademliaMessage {
        let peers = (0..<20).map { number in
            KademliaMessage.Peer(
                id: [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + Samples.bytes(32, number),
                addresses: [Samples.address, Samples.address + [0xdd, 0x03]], connection: 1)
        }
        return KademliaMessage(kind: .findNode, closerPeers: peers)
    }
}
