extension DecoderCase {
    /// What is wrong with how the decoder takes `input`, or nil: it may give an error with a text, or a value; and where
    /// there is one encoding only, that must be the one given.
    package func fault(_ input: [UInt8]) -> String? { fault(input, decode(input)) }

    /// The same for an input that was decoded before.
    package func fault(_ input: [UInt8], _ outcome: Outcome) -> String? {
        switch outcome {
        case .refused(let text):
            return text.isEmpty ? "\(name): an error without words for \(input)" : nil
        case .value(let encoding):
            if isCanonical, encoding != input { return "\(name): two encodings of one value, \(input) and \(encoding)" }
            if !isCanonical, decode(encoding) != .value(encoding) { return "\(name): \(encoding) does not come back" }
            return nil
        }
    }
}

extension [UInt8] {
    /// The bytes with one bit changed; position 0 is the lowest bit of the first byte.
    package func flippingBit(_ position: Int) -> [UInt8] {
        var bytes = self
        bytes[position / 8] ^= 1 << UInt8(position % 8)
        return bytes
    }
}
