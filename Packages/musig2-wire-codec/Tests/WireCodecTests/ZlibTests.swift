import Multiformats
import Testing
import WireCodec
import WireCodecSamples

@Suite("zlib")
struct ZlibTests {
    /// `zlib.compress(b"musig2" * 20)` in Python.
    static let fromPython = "789ccb2d2dce4c37caa53b09001de12ecd"

    @Test func roundTrips() throws {
        for bytes in [[], [7], Samples.bytes(100, 1), [UInt8](repeating: 9, count: 100_000)] {
            #expect(try Zlib.inflate(try Zlib.deflate(bytes), limit: bytes.count) == bytes)
            #expect(try Zlib.inflate(try Zlib.deflate(bytes, level: 0), limit: bytes.count) == bytes)
            #expect(try Zlib.inflate(try Zlib.deflate(bytes, level: 99), limit: 100_000) == bytes)
        }
    }

    @Test func theLimitIsExact() throws {
        for count in [1, 16 << 10, (16 << 10) + 1, 50_000] {
            let deflated = try Zlib.deflate([UInt8](repeating: 1, count: count))
            #expect(try Zlib.inflate(deflated, limit: count).count == count)
            #expect(throws: ZlibError.tooLong(limit: count - 1)) { try Zlib.inflate(deflated, limit: count - 1) }
        }
        #expect(throws: ZlibError.tooLong(limit: 0)) { try Zlib.inflate(try Zlib.deflate([1]), limit: 0) }
        #expect(throws: ZlibError.tooLong(limit: -1)) { try Zlib.inflate(try Zlib.deflate([1]), limit: -1) }
        #expect(throws: ZlibError.tooLong(limit: -1)) { try Zlib.inflate([], limit: -1) }
    }

    @Test func tenMebibytesOfZerosAreRefused() throws {
        let bomb = try Zlib.deflate([UInt8](repeating: 0, count: 10 << 20))
        #expect(bomb.count < 12_000)
        #expect(throws: ZlibError.tooLong(limit: 1 << 20)) { try Zlib.inflate(bomb, limit: 1 << 20) }
    }

    @Test func otherMakersAreUnderstood() throws {
        let bytes = try Zlib.inflate(try #require(Hex.decode(Self.fromPython)), limit: 1_000)
        #expect(bytes == Array(String(repeating: "musig2", count: 20).utf8))
    }

    @Test func refuses() throws {
        let good = try Zlib.deflate(Samples.bytes(100, 1))
        for length in 0..<good.count {
            #expect(throws: ZlibError.truncated) { try Zlib.inflate(Array(good.prefix(length)), limit: 1_000) }
        }
        #expect(throws: ZlibError.trailingBytes(2)) { try Zlib.inflate(good + [0, 0], limit: 1_000) }
        #expect(throws: ZlibError.corrupt) { try Zlib.inflate([1, 2, 3, 4], limit: 1_000) }
        var wrongSum = good
        wrongSum[good.count - 1] ^= 1
        #expect(throws: ZlibError.corrupt) { try Zlib.inflate(wrongSum, limit: 1_000) }
        // A stream that asks for a preset dictionary.
        #expect(throws: ZlibError.corrupt) { try Zlib.inflate([0x78, 0xbb, 0, 0, 0, 1, 0], limit: 1_000) }
    }
}
