import Multiformats
import Testing
import WireCodec
import WireCodecSamples

/// Feeds a decoder the same stream in many cuts, and compares what comes out.
struct FrameDecoderVerifier {
    let maximumLength: Int
    let frames: [[UInt8]]

    func verify(seed: UInt64) throws {
        let stream = frames.flatMap { FrameEncoder.encode($0) }
        #expect(try run([stream]) == frames, "glued")
        #expect(try run(stream.map { [$0] }) == frames, "drip by drip")
        #expect(try run(frames.map { FrameEncoder.encode($0) }) == frames, "frame by frame")
        #expect(try run(stream.flatMap { [[], [$0], []] }) == frames, "with empty chunks")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            var chunks: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let chunk = rest.prefix(1 + Int(generator.next() % 97))
                chunks.append(Array(chunk))
                rest = rest.dropFirst(chunk.count)
            }
            #expect(try run(chunks) == frames, "random cuts, seed \(seed)")
        }
    }

    private func run(_ chunks: [[UInt8]]) throws -> [[UInt8]] {
        var decoder = FrameDecoder(maximumLength: maximumLength, allowsEmptyFrames: true)
        var output: [[UInt8]] = []
        for chunk in chunks {
            output += try decoder.feed(chunk)
            #expect(decoder.pendingBytes <= maximumLength + UVarint.maximumLength)
        }
        try decoder.finish()
        #expect(try runOneByOne(chunks) == output)
        return output
    }

    private func runOneByOne(_ chunks: [[UInt8]]) throws -> [[UInt8]] {
        var decoder = FrameDecoder(maximumLength: maximumLength, allowsEmptyFrames: true)
        var output: [[UInt8]] = []
        var (arrived, returned) = (0, 0)
        for (index, chunk) in chunks.enumerated() {
            decoder.append(chunk)
            arrived += chunk.count
            // Some wait until more has come.
            while index % 3 != 1 || index == chunks.count - 1, let frame = try decoder.next() {
                output.append(frame)
                returned += FrameEncoder.encode(frame).count
                #expect(decoder.pendingBytes == arrived - returned)
            }
        }
        try decoder.finish()
        return output
    }
}

@Suite("The frame decoder")
struct FrameDecoderTests {
    @Test func anyCutGivesTheSameFrames() throws {
        let frames = [[1], [], Samples.bytes(127, 1), Samples.bytes(128, 2), Samples.bytes(300, 3), [], [9]]
        try FrameDecoderVerifier(maximumLength: 300, frames: frames).verify(seed: 42)
    }

    @Test func oneFrameOfTheGreatestLength() throws {
        var decoder = FrameDecoder(maximumLength: 1 << 20)
        let frame = [UInt8](repeating: 3, count: 1 << 20)
        #expect(try decoder.feed(FrameEncoder.encode(frame)) == [frame])
    }

    @Test(arguments: [
        ("ad02", FrameError.tooLong(limit: 300, found: 301)),
        ("ffffffffffffffff7f", .tooLong(limit: 300, found: 1 << 63 - 1)),
        ("ffffffffffffffffff01", .tooLong(limit: 300, found: .max)),
        ("ffffffffffffffffff02", .invalidLength(.overflow)),
        ("80808080808080808080", .invalidLength(.overflow)),
        ("8100", .invalidLength(.notMinimal)),
        ("00", .empty),
    ])
    func refuses(hex: String, error: FrameError) throws {
        let bytes = try #require(Hex.decode(hex))
        var decoder = FrameDecoder(maximumLength: 300)
        #expect(throws: error) { try decoder.feed(bytes) }
        #expect(throws: error, "the stream is lost") { try decoder.feed([1, 1]) }
        #expect(throws: error) { try decoder.finish() }
        #expect(decoder.pendingBytes == 0)
        var slow = FrameDecoder(maximumLength: 300)
        for byte in bytes.dropLast() { #expect(try slow.feed([byte]) == []) }
        #expect(throws: error) { try slow.feed(Array(bytes.suffix(1))) }
    }

    @Test func anEndInsideAFrameIsNoticed() throws {
        var decoder = FrameDecoder(maximumLength: 300)
        #expect(try decoder.feed([2, 1]) == [])
        #expect(throws: FrameError.truncated) { try decoder.finish() }
        #expect(throws: FrameError.truncated) { try decoder.feed([1]) }
    }

    @Test func aLengthAloneReservesNothing() throws {
        var decoder = FrameDecoder(maximumLength: 1 << 40)
        #expect(try decoder.feed(UVarint.encode(1 << 40) + [1]) == [])
        #expect(decoder.pendingBytes == 7)
    }
}
