import CodecSamples
import WireCodec

extension CountedCase {
    /// Frames between signers: the item made into bytes with its length in front, and the way back.
    static func frames() throws -> [CountedCase] {
        let items: [(String, FrameItem)] = [
            ("nonce share", .signedMessage(Samples.signed(.nonceShare(Samples.nonceShare)))),
            ("partial signatures", .signedMessage(Samples.signed(.partialSigShare(Samples.partialSigShare)))),
            ("sync", .sync(Samples.sync)),
        ]
        return items.flatMap { name, item in
            let frame = Frame([item])
            let bytes = FrameEncoder.encode(frame.encoded())
            return [
                CountedCase("encode a frame: \(name)") { use(FrameEncoder.encode(frame.encoded())) },
                CountedCase("decode a frame: \(name)") {
                    var decoder = FrameDecoder(maximumLength: WireLimits.standard.frameBytes)
                    for content in try decoder.feed(bytes) { use(try Frame(decoding: content)) }
                },
            ]
        }
    }

    /// The answer of a DHT node to FIND_NODE: twenty peers with two addresses each.
    static func kademlia() throws -> [CountedCase] {
        let peers = (0..<20).map { number in
            KademliaMessage.Peer(
                id: [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + Samples.bytes(32, number),
                addresses: [Samples.address, Samples.address + [0xdd, 0x03]], connection: 1)
        }
        let answer = KademliaMessage(kind: .findNode, closerPeers: peers)
        let bytes = answer.encoded()
        return [
            CountedCase("encode an answer to FIND_NODE") { use(answer.encoded()) },
            CountedCase("decode an answer to FIND_NODE") { use(try KademliaMessage(decoding: bytes)) },
        ]
    }
}
