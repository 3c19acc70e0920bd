import Foundation
import PeerNode
import PeerTransport
import Secp256k1

/// Secret characters that a person or a service gave: a passphrase, or a secret key as text. In memory that is wiped
/// when nobody holds it any more.
final class SecretText: Sendable {
    let bytes: SecretBytes

    init(_ bytes: consuming SecretBytes) {
        self.bytes = bytes
    }

    /// Where reading ends besides the end of the file.
    enum End {
        /// At the end of the file alone.
        case file
        /// At the end of a line.
        case line
    }

    /// Why nothing was read.
    enum ReadError: Error {
        /// More than the limit.
        case tooLong
        /// What the system says.
        case system(String)
    }

    /// Reads from a file, a pipe or a terminal.
    ///
    /// - Parameters:
    ///   - descriptor: What to read.
    ///   - limit: The most bytes.
    ///   - end: Where to stop.
    static func read(_ descriptor: CInt, limit: Int, to end: End) throws(ReadError) -> SecretText {
        // One byte more, so that more is noticed.
        var bytes = SecretBytes(byteCount: limit + 1)
        let count = try bytes.withUnsafeMutableBytes { (bytes) throws(ReadError) in
            var count = 0
            while count < bytes.count {
                // A byte at a time when a line is wanted: what follows is for others.
                let wanted = end == .line ? 1 : bytes.count - count
                let got = Foundation.read(descriptor, bytes.baseAddress?.advanced(by: count), wanted)
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { throw .system(FileFailure.reason()) }
                if got == 0 { break }
                count += got
                if end == .line, bytes[count - 1] == UInt8(ascii: "\n") { break }
            }
            return count
        }
        guard count <= limit else { throw .tooLong }
        return SecretText(
            bytes.withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<count])) })
    }

    /// Reads a private file; nil when there is none.
    static func read(_ file: PrivateFile) throws(Failure) -> SecretText? {
        do throws(TransportError) {
            guard let bytes = try file.readSecret() else { return nil }
            return SecretText(bytes)
        } catch {
            throw Failure.file(error)
        }
    }

    /// The same without the white space around it.
    func trimmed() -> SecretText {
        bytes.withUnsafeBytes { bytes in
            let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
            let rest = bytes.drop(while: isSpace)
            let kept = rest.lastIndex { !isSpace($0) }.map { rest[...$0] } ?? rest.prefix(0)
            return SecretText(SecretBytes(copying: UnsafeRawBufferPointer(rebasing: kept)))
        }
    }
}
