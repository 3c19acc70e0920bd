import Testing
import WireCodec
import WireCodecSamples

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A million inputs over all decoders, in a release build.
@Suite("Random input", .serialized)
struct RandomInputTests {
    /// Inputs of all decoders together.
    static let inputs = 1_000_000
    /// Written out so that a failure can be repeated.
    static let seed: UInt64 = 20_261_121

    @Test func aMillionRandomInputs() {
        var generator = SeededGenerator(seed: Self.seed)
        let decoders = DecoderCase.all
        // The first round loads tables and the allocator's arenas.
        for decoder in decoders { _ = decoder.decode(decoder.samples[0]) }
        let before = Self.peakBytes()
        var values = 0
        for number in 0..<Self.inputs {
            let decoder = decoders[number % decoders.count]
            let input = Self.input(for: decoder, &generator)
            let outcome = decoder.decode(input)
            if case .value = outcome { values += 1 }
            if let fault = decoder.fault(input, outcome) {
                Issue.record("seed \(Self.seed), input \(number): \(fault)")
            }
        }
        // Some inputs keep being valid, or the mutations would test nothing but the first bytes.
        #expect(values > Self.inputs / 100, "seed \(Self.seed)")
        #expect(Self.peakBytes() - before < 64 << 20, "seed \(Self.seed)")
    }

    @Test(arguments: DecoderCase.all)
    func everyTruncationAndEveryBitFlip(decoder: DecoderCase) {
        for sample in decoder.samples {
            let inputs =
                (0..<sample.count).map { Array(sample.prefix($0)) }
                + (0..<(sample.count * 8)).map { sample.flippingBit($0) }
            for input in inputs {
                if let fault = decoder.fault(input) { Issue.record("\(fault)") }
            }
        }
    }

    /// A bomb of each kind costs its limit and no more.
    @Test func bombsAreRefusedWithinTheirLimit() throws {
        let bomb = try Zlib.deflate([UInt8](repeating: 0, count: 64 << 20), level: 9)
        #expect(bomb.count < 70_000)
        let before = Self.peakBytes()
        #expect(throws: ZlibError.tooLong(limit: 1 << 20)) { try Zlib.inflate(bomb, limit: 1 << 20) }
        var writer = ProtobufWriter()
        writer.message(1) { $0.bytes(10, bomb) }
        #expect(throws: WireError("Item", "announcement_deflated", .deflated(.tooLong(limit: 1 << 20)))) {
            try Frame(decoding: writer.bytes).inflated()
        }
        #expect(Self.peakBytes() - before < 8 << 20)
    }

    /// Random bytes, or a sample with a few bytes changed, a piece cut out, doubled or replaced.
    private static func input(for decoder: DecoderCase, _ generator: inout SeededGenerator) -> [UInt8] {
        let choice = generator.next() % 8
        if choice == 0 {
            let count = Int(generator.next() % 200)
            return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        }
        var bytes = decoder.samples[Int(generator.next() % UInt64(decoder.samples.count))]
        for _ in 0...(generator.next() % 3) {
            guard !bytes.isEmpty else { break }
            let start = Int(generator.next() % UInt64(bytes.count))
            let end = min(bytes.count, start + Int(generator.next() % 16))
            switch generator.next() % 8 {
            case 0: bytes.removeSubrange(start..<end)
            case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
            case 2: bytes[start] = [0, 1, 0x7f, 0x80, 0xff][Int(generator.next() % 5)]
            case 3: bytes.swapAt(start, Int(generator.next() % UInt64(bytes.count)))
            case 4: bytes.removeLast(min(bytes.count, Int(generator.next() % 4)))
            case 5: bytes.append(UInt8(truncatingIfNeeded: generator.next()))
            case 6: bytes[start] ^= 1 << UInt8(generator.next() % 8)
            default: bytes[start] = UInt8(truncatingIfNeeded: generator.next())
            }
        }
        return bytes
    }

    /// The most memory that the process ever had.
    private static func peakBytes() -> Int {
        var usage = rusage()
        #if canImport(Glibc)
            guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
            return usage.ru_maxrss * 1_024
        #else
            guard getrusage(RUSAGE_SELF, &usage) == 0 else { return 0 }
            return usage.ru_maxrss
        #endif
    }
}
