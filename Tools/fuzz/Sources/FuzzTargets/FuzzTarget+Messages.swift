import WireCodec

extension FuzzTarget {
    /// Every message with a protobuf encoding.
    static let messages: [FuzzTarget] = [
        message(NoisePayload.self, seeds: [NoisePayload(identityKey: [1], identitySignature: [2])])
    ]

    private static func message<Message: WireMessage>(_ type: Message.Type, seeds: [Message]) -> FuzzTarget {
        FuzzTarget("message-" + type.messageName, seeds: seeds.map { $0.encoded() }) { bytes in
            guard let message = try? type.init(decoding: bytes) else { return }
            let encoded = message.encoded()
            if type.mode == .canonical {
                check(encoded == bytes, "\(type.messageName) has two encodings")
            } else {
                check(
                    (try? type.init(decoding: encoded)) == message, "\(type.messageName) does not survive its encoding")
            }
        }
    }
}
