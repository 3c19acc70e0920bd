import Testing
import WireCodec
import WireCodecSamples

/// What holds for every decoder, whatever it decodes.
@Suite("Decoders never trap")
struct TotalityTests {
    @Test(arguments: DecoderCase.all)
    func samplesComeBack(decoder: DecoderCase) {
        for sample in decoder.samples {
            #expect(!sample.isEmpty)
            #expect(decoder.decode(sample) == .value(sample))
        }
    }

    /// No truncation traps, and none of a canonical message is taken for the whole.
    @Test(arguments: DecoderCase.all)
    func truncations(decoder: DecoderCase) {
        for sample in decoder.samples {
            // The long ones are done byte by byte in the release build.
            for length in stride(from: 0, to: sample.count, by: sample.count > 600 ? 7 : 1) {
                record(decoder.fault(Array(sample.prefix(length))))
            }
        }
    }

    @Test(arguments: DecoderCase.all)
    func bitFlips(decoder: DecoderCase) {
        for sample in decoder.samples {
            for position in stride(from: 0, to: sample.count * 8, by: sample.count > 300 ? 29 : 1) {
                record(decoder.fault(sample.flippingBit(position)))
            }
        }
    }

    @Test(arguments: DecoderCase.all)
    func aByteMore(decoder: DecoderCase) {
        for sample in decoder.samples {
            for byte in [0x00, 0x01, 0x20, 0xff] as [UInt8] { record(decoder.fault(sample + [byte])) }
        }
    }

    private func record(_ fault: String?) {
        if let fault { Issue.record("\(fault)") }
    }
}
