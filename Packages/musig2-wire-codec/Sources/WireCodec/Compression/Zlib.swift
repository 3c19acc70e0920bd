import CZlib

/// Why bytes could not be deflated or inflated.
public enum ZlibError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not a zlib stream (RFC 1950), or a damaged one.
    case corrupt
    /// The bytes end before the stream does.
    case truncated
    /// The stream inflates to more bytes than the limit.
    case tooLong(limit: Int)
    /// Bytes follow the end of the stream.
    case trailingBytes(Int)
    /// The library has no memory.
    case outOfMemory

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .corrupt: "zlib: not a zlib stream, or a damaged one"
        case .truncated: "zlib: the bytes end before the stream does"
        case .tooLong(let limit): "zlib: inflates to more than \(limit) bytes"
        case .trailingBytes(let count): "zlib: \(count) bytes follow the end of the stream"
        case .outOfMemory: "zlib: out of memory"
        }
    }
}

/// Compression in the zlib format (RFC 1950), over the system's library.
public enum Zlib {
    /// Compresses `bytes`.
    ///
    /// The result depends on the version of the library: never hash or sign it.
    /// - Parameters:
    ///   - bytes: what to compress.
    ///   - level: 0 (none) to 9 (smallest); values outside are taken as the nearest.
    /// - Returns: a zlib stream.
    /// - Throws: ``ZlibError/outOfMemory``.
    public static func deflate(_ bytes: [UInt8], level: Int = 6) throws(ZlibError) -> [UInt8] {
        var length = compressBound(uLong(bytes.count))
        var status = Z_OK
        let output = [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
            status = compress2(buffer.baseAddress, &length, bytes, uLong(bytes.count), Int32(min(max(level, 0), 9)))
            count = status == Z_OK ? Int(length) : 0
        }
        // With the bound as the size and a level in range, memory is all that can be missing.
        guard status == Z_OK else { throw .outOfMemory }
        return output
    }

    /// Decompresses one whole stream, and stops as soon as the result would be longer than `limit`.
    ///
    /// The memory used is at most the result so far, one chunk of 16 KiB, and the 40 KiB of the library's window.
    /// - Parameters:
    ///   - bytes: the stream; nothing may follow it.
    ///   - limit: the most bytes that the result may have.
    /// - Returns: the bytes that were compressed.
    /// - Throws: ``ZlibError``.
    public static func inflate(_ bytes: [UInt8], limit: Int) throws(ZlibError) -> [UInt8] {
        var stream = z_stream()
        guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .outOfMemory
        }
        defer { inflateEnd(&stream) }
        var input = bytes
        var output: [UInt8] = []
        var status = Z_OK
        input.withUnsafeMutableBufferPointer { buffer in
            stream.next_in = buffer.baseAddress
            stream.avail_in = uInt(buffer.count)
            // One byte more than the limit tells a result of just that length from a longer one.
            while status == Z_OK, output.count <= limit {
                let room = min(chunkBytes, limit - output.count + 1)
                let chunk = [UInt8](unsafeUninitializedCapacity: room) { space, count in
                    stream.next_out = space.baseAddress
                    stream.avail_out = uInt(room)
                    status = CZlib.inflate(&stream, Z_NO_FLUSH)
                    count = room - Int(stream.avail_out)
                }
                output.append(contentsOf: chunk)
                // Neither input nor progress: the library would say Z_BUF_ERROR for ever.
                if chunk.isEmpty, status == Z_OK { status = Z_BUF_ERROR }
            }
        }
        guard output.count <= limit else { throw .tooLong(limit: limit) }
        switch status {
        case Z_STREAM_END:
            guard stream.avail_in == 0 else { throw .trailingBytes(Int(stream.avail_in)) }
            return output
        case Z_BUF_ERROR, Z_OK: throw .truncated
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .corrupt
        }
    }

    private static let chunkBytes = 16 << 10
}
