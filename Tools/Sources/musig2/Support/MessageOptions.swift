import ArgumentParser
import Foundation
import Multiformats

/// The options that name what is signed.
struct MessageOptions: ParsableArguments {
    @Option(name: .long, help: "A message in hexadecimal; may be empty. May be repeated: one signature for each.")
    var messageHex: [String] = []

    @Option(
        name: .long, help: "A file whose bytes are the message. May be repeated.", completion: .file())
    var messageFile: [String] = []

    /// The messages: those given in hexadecimal, then the files.
    func messages() throws(Failure) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        for text in messageHex {
            guard let bytes = Hex.decode(text) else {
                throw Failure(.usage, "message \"\(text)\" is not hexadecimal")
            }
            messages.append(bytes)
        }
        for path in messageFile {
            do {
                messages.append(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
            } catch {
                throw Failure(.file, "cannot read \(path): \(error.localizedDescription)")
            }
        }
        guard !messages.isEmpty else {
            throw Failure(
                .usage, "no message", hint: "Name what is to be signed: --message-hex HEX or --message-file FILE")
        }
        return messages
    }
}
