import Crypto
import Multiformats
import PeerTransport

extension PythonStream.Bytes {
    /// What these bytes look like to the other side.
    init(_ bytes: [UInt8]) {
        self.init(count: bytes.count, sha256: Hex.encode(Array(SHA256.hash(data: bytes))))
    }
}

extension ByteStream {
    /// Reads this many bytes, or fewer if the stream ends before.
    func read(_ count: Int) async throws -> [UInt8] {
        var found: [UInt8] = []
        while found.count < count, let some = try await read(upTo: count - found.count) { found += some }
        return found
    }

    /// Reads to the end.
    func readToEnd() async throws -> [UInt8] {
        var found: [UInt8] = []
        while let some = try await read(upTo: 65_536) { found += some }
        return found
    }
}

/// Bytes that no mistake repeats by chance, in one call for all: the system's generator is slow byte by byte.
func randomBytes(_ count: Int) -> [UInt8] {
    SymmetricKey(size: SymmetricKeySize(bitCount: 8 * count)).withUnsafeBytes { Array($0) }
}
