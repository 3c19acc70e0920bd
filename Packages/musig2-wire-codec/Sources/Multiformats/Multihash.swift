/// Why bytes are not a multihash.
public enum MultihashError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The code or the length is not a proper varint.
    case varint(VarintError)
    /// The digest has another length than its prefix says.
    case wrongLength(expected: Int, found: Int)
    /// The digest is longer than ``FormatLimits/digestBytes``.
    case tooLong(limit: Int)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .varint(let error): "multihash: \(error)"
        case .wrongLength(let expected, let found): "multihash: expected \(expected) digest bytes, found \(found)"
        case .tooLong(let limit): "multihash: a digest of more than \(limit) bytes"
        }
    }
}

/// A hash that says which function made it: varint code, varint length, digest (multiformats `multihash`).
public struct Multihash: Hashable, Sendable {
    /// The code of the identity function: the digest is the input itself.
    public static let identityCode: UInt64 = 0x00
    /// The code of SHA2-256.
    public static let sha256Code: UInt64 = 0x12

    /// The code of the hash function.
    public let code: UInt64
    /// The digest, at most ``FormatLimits/digestBytes`` bytes.
    public let digest: [UInt8]

    /// Makes a multihash of its parts.
    /// - Throws: ``MultihashError/tooLong(limit:)``.
    public init(code: UInt64, digest: [UInt8]) throws(MultihashError) {
        guard digest.count <= FormatLimits.digestBytes else { throw .tooLong(limit: FormatLimits.digestBytes) }
        self.code = code
        self.digest = digest
    }

    /// Decodes a whole byte string: nothing may follow the digest.
    /// - Throws: ``MultihashError``.
    public init(bytes: [UInt8]) throws(MultihashError) {
        var offset = 0
        let code: UInt64
        let length: UInt64
        do throws(VarintError) {
            code = try UVarint.decode(bytes, at: &offset)
            length = try UVarint.decode(bytes, at: &offset)
        } catch {
            throw .varint(error)
        }
        guard length <= UInt64(FormatLimits.digestBytes) else { throw .tooLong(limit: FormatLimits.digestBytes) }
        let found = bytes.count - offset
        guard Int(length) == found else { throw .wrongLength(expected: Int(length), found: found) }
        self.code = code
        digest = Array(bytes[offset...])
    }

    /// The encoded form: code, length, digest.
    public var bytes: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(digest.count + 4)
        UVarint.append(code, to: &output)
        UVarint.append(UInt64(digest.count), to: &output)
        output.append(contentsOf: digest)
        return output
    }
}
