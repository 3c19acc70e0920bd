import ArgumentParser
import Foundation
import MuSig2Coordination
import Multiformats
import Synchronization

/// The options that name what is signed.
struct MessageOptions: ParsableArguments {
    /// A message as it was named, with its place among all that were named.
    struct Named {
        enum Source {
            case text(String)
            case hex(String)
            case file(String)
        }

        /// The parser reads the command line from the left, and makes one of these for each value that it meets.
        private static let count = Atomic(0)

        let place = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
        let source: Source
        /// The option that named it.
        let option: String

        init(_ source: Source, option: String) {
            self.source = source
            self.option = option
        }
    }

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A message as text, in UTF-8; - is standard input, to its end. May be repeated: one signature for each, in the order given.",
            valueName: "text"),
        transform: { Named(.text($0), option: "--message") })
    var message: [Named] = []

    @Option(
        name: .long,
        help: ArgumentHelp("A message in hexadecimal; may be empty. May be repeated.", valueName: "hex"),
        transform: { Named(.hex($0), option: "--message-hex") })
    var messageHex: [Named] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A file with the bytes of the message; - is standard input. May be repeated.", valueName: "file"),
        completion: .file(), transform: { Named(.file($0), option: "--message-file") })
    var messageFile: [Named] = []

    /// The messages, in the order of the command line.
    ///
    /// - Parameter limit: The most bytes of a file.
    /// - Returns: The bytes of each message.
    /// - Throws: ``Failure`` that names the option or the file.
    func messages(limit: Int = MessageOptions.limit) throws(Failure) -> [[UInt8]] {
        let named = message + messageHex + messageFile
        guard !named.isEmpty else {
            throw Failure(
                .usage, "--message: expected at least one message, found none",
                hint: "Name what is to be signed: --message TEXT, --message-hex HEX or --message-file FILE")
        }
        return try Self.bytes(of: named, limit: limit)
    }

    /// What was named, in the order of the command line.
    static func bytes(of named: [Named], limit: Int = MessageOptions.limit) throws(Failure) -> [[UInt8]] {
        guard named.count(where: \.isStandardInput) <= 1 else {
            let options = named.filter(\.isStandardInput).map { "\($0.option) -" }.joined(separator: ", ")
            throw Failure(.usage, "\(options): standard input can be one message, and is named more than once")
        }
        var messages: [[UInt8]] = []
        for message in named.sorted(by: { $0.place < $1.place }) { messages.append(try message.bytes(limit: limit)) }
        return messages
    }

    /// The most bytes that the messages of one session have together.
    static let limit = MuSig2Coordinator.Configuration().limits.messageBytes
}

extension MessageOptions.Named {
    var isStandardInput: Bool {
        switch source {
        case .text("-"), .file("-"): true
        case .text, .file, .hex: false
        }
    }

    func bytes(limit: Int) throws(Failure) -> [UInt8] {
        switch source {
        case .text("-"), .file("-"): return try read(STDIN_FILENO, "standard input", limit: limit)
        case .text(let text): return Array(text.utf8)
        case .hex(let text):
            guard let bytes = Hex.decode(text) else {
                throw Failure(
                    .usage, "\(option): \"\(text)\" is not hexadecimal",
                    hint: "In hexadecimal, \"hello\" is 68656c6c6f."
                        + (option == "--message-hex" ? " Text is named by --message." : ""))
            }
            return bytes
        case .file(let path):
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw unreadable(path) }
            defer { close(descriptor) }
            return try read(descriptor, path, limit: limit)
        }
    }

    /// The bytes of a file, which is read no further than the limit: a device may have no end.
    private func read(_ descriptor: CInt, _ path: String, limit: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            let count = chunk.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
        throw Failure(
            .usage, "\(option): \(path): expected at most \(limit) bytes, found more",
            hint: "Sign the hash of the file instead, for example what sha256sum prints, with --message-hex.")
    }

    private func unreadable(_ path: String) -> Failure {
        Failure(.file, "\(option): cannot read \(path): \(FileFailure.reason())")
    }
}
