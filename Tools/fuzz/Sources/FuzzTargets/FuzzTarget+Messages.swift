import CodecSamples

extension FuzzTarget {
    /// Every message with a protobuf encoding, and the texts that other targets do not cover.
    static let messages: [FuzzTarget] = {
        let formats = DecoderCase.formats.filter { ["PrivateKey", "Invitation"].contains($0.name) }
        let cases = Dictionary(grouping: DecoderCase.messages + DecoderCase.libp2p + formats, by: \.name)
        return cases.values.compactMap { same in
            same.first.map { decoder(named: name(of: $0), $0, seeds: same.flatMap(\.samples)) }
        }
    }()

    /// `message-` and the name, without what a file name should not have.
    private static func name(of decoder: DecoderCase) -> String {
        "message-" + decoder.name.split(separator: " ").joined(separator: "-")
    }

    private static func decoder(named name: String, _ decoder: DecoderCase, seeds: [[UInt8]]) -> FuzzTarget {
        FuzzTarget(name, seeds: seeds) { bytes in
            guard case .value(let encoded) = decoder.decode(bytes) else { return }
            if decoder.isCanonical {
                check(encoded == bytes, "\(decoder.name) has two encodings")
            } else {
                check(decoder.decode(encoded) == .value(encoded), "\(decoder.name) does not survive its encoding")
            }
        }
    }
}
