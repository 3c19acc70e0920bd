import WireCodec

extension FuzzTarget {
    /// Frames and compressed bytes.
    static let frames: [FuzzTarget] = [
        // The first byte says how large the pieces are in which the rest arrives.
        FuzzTarget("frames", seeds: [[1, 1, 7, 2, 8, 9], [200, 3, 1, 2, 3]]) { bytes in
            guard let piece = bytes.first.map({ max(1, Int($0)) }) else { return }
            let stream = Array(bytes.dropFirst())
            let whole = decodeFrames(stream, piece: max(1, stream.count))
            let pieces = decodeFrames(stream, piece: piece)
            check(whole.failed == pieces.failed, "the error depends on how the bytes arrive")
            // Frames that were complete before a fault in the same chunk are lost with it.
            check(whole.failed || whole.frames == pieces.frames, "the frames depend on how the bytes arrive")
        },
        FuzzTarget("zlib", seeds: ((try? [Zlib.deflate([]), Zlib.deflate([1, 2, 3])]) ?? [])) { bytes in
            let limit = 65_536
            guard let inflated = try? Zlib.inflate(bytes, limit: limit) else { return }
            check(inflated.count <= limit, "more bytes than the limit")
            if let deflated = try? Zlib.deflate(inflated) {
                check((try? Zlib.inflate(deflated, limit: limit)) == inflated, "bytes do not survive zlib")
            }
        },
    ]

    /// The frames that come out before the first error, and whether there was one.
    private static func decodeFrames(_ stream: [UInt8], piece: Int) -> (frames: [[UInt8]], failed: Bool) {
        var decoder = FrameDecoder(maximumLength: 4_096)
        var frames: [[UInt8]] = []
        var start = 0
        while start < stream.count {
            let end = min(stream.count, start + piece)
            guard let more = try? decoder.feed(Array(stream[start..<end])) else { return (frames, true) }
            frames += more
            start = end
        }
        return (frames, false)
    }
}
