import ArgumentParser
import Foundation
import MuSig2Coordinator
import Multiformats

/// The options that name what is signed.
struct MessageOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A message in hexadecimal; may be empty. May be repeated: one signature for each.", valueName: "hex"))
    var messageHex: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("A file whose bytes are the message. May be repeated.", valueName: "file"),
        completion: .file())
    var messageFile: [String] = []

    /// The messages: those given in hexadecimal, then the files.
    ///
    /// - Parameter limit: The most bytes of a file.
    /// - Returns: The bytes of each message.
    /// - Throws: ``Failure`` that names the option or the file.
    func messages(limit: Int = MessageOptions.limit) throws(Failure) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        for text in messageHex {
            guard let bytes = Hex.decode(text) else {
                throw Failure(
                    .usage, "message \"\(text)\" is not hexadecimal",
                    hint: "Text goes into a file: --message-file FILE. In hexadecimal, \"hello\" is 68656c6c6f.")
            }
            messages.append(bytes)
        }
        for path in messageFile {
            messages.append(try Self.read(path, limit: limit))
        }
        guard !messages.isEmpty else {
            throw Failure(
                .usage, "no message", hint: "Name what is to be signed: --message-hex HEX or --message-file FILE")
        }
        return messages
    }

    /// The most bytes that the messages of one session have together.
    static let limit = Configuration().limits.messageBytes

    /// The bytes of a file, which is read no further than the limit: a device may have no end.
    private static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(.file, "cannot read \(path): \(FileFailure.reason())") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            let count = chunk.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(.file, "cannot read \(path): \(FileFailure.reason())") }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
        throw Failure(
            .usage, "\(path): expected at most \(limit) bytes, found more",
            hint: "Sign the hash of the file instead, for example what sha256sum prints, with --message-hex.")
    }
}
