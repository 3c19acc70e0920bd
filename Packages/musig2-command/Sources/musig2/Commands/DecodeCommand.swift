import ArgumentParser
import Foundation
import MuSig2Session
import Multiformats
import WireCodec

/// `musig2 decode`: any message or invitation, readably.
struct DecodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Show what an invitation, or a message of the protocol in hexadecimal, says.",
        discussion: "Nothing is verified: this shows what the bytes say, not whether it is true.")

    @Argument(
        help: ArgumentHelp(
            "An invitation, or a frame, message, announcement or descriptor in hexadecimal. Blanks and line breaks do not "
                + "matter.", valueName: "text"))
    var parts: [String]

    @OptionGroup var options: OutputOptions

    func run() async throws {
        let output = options.output
        try await reporting(output) {
            let (kind, value) = try Self.decoded(SessionOptions.joined(parts))
            try output.result(
                Readable.lines(value, name: kind).joined(separator: "\n"), event: "decoded",
                ["kind": .string(kind), "value": value])
        }
    }

    /// What the text is, and its content.
    static func decoded(_ text: String) throws(Failure) -> (kind: String, value: JSONValue) {
        guard let bytes = Hex.decode(text), !bytes.isEmpty else {
            do throws(InvitationError) {
                let invitation = try Invitation(text)
                return ("invitation", Readable.json(invitation))
            } catch {
                throw Failure(
                    .usage, "the invitation cannot be read: \(Failure.reason(error))",
                    hint: "Everything but an invitation is given in hexadecimal digits.")
            }
        }
        for decoder in decoders {
            // What one form refuses is tried as the next.
            if let value = try? decoder.decode(bytes) { return (decoder.kind, value) }
        }
        throw Failure(
            .usage,
            "\(SessionView.size(bytes.count)) that \(bytes.count == 1 ? "is" : "are") no message of this protocol",
            hint: "A frame is decoded with or without the length in front of it.")
    }

    private struct Decoder {
        let kind: String
        let decode: ([UInt8]) throws -> JSONValue?
    }

    /// From the strictest form to the loosest, so that nothing is taken for something else.
    private static var decoders: [Decoder] {
        [
            Decoder(kind: "descriptor") { bytes in
                let descriptor = try Descriptor(decoding: bytes)
                return withFinalKey(json(descriptor), of: bytes)
            },
            Decoder(kind: "announcement") { bytes in
                let announcement = try SignedAnnouncement(decoding: bytes)
                return withFinalKey(json(announcement), of: announcement.announcement.descriptorBytes)
            },
            Decoder(kind: "message") { signedMessage(try SignedMessage(decoding: $0)) },
            Decoder(kind: "frame") { frame(try Frame(decoding: $0).inflated()) },
            Decoder(kind: "frame") { bytes in
                var decoder = FrameDecoder(maximumLength: WireLimits.standard.frameBytes)
                let frames = try decoder.feed(bytes)
                guard let first = frames.first, frames.count == 1 else { return nil }
                return frame(try Frame(decoding: first).inflated())
            },
        ]
    }

    private static func json(_ value: Any) -> JSONValue { Readable.json(value) }

    /// The fields, and the key that the session signs for, which follows from them: all tweaks are applied.
    private static func withFinalKey(_ value: JSONValue, of descriptor: [UInt8]) -> JSONValue {
        guard case .object(var fields) = value else { return value }
        do throws(DescriptorError) {
            fields["finalKey"] = .string("\(try SessionDescriptor(bytes: descriptor).finalKey())")
        } catch {
            fields["finalKey"] = .string("none: \(error)")
        }
        return .object(fields)
    }

    private static func frame(_ frame: Frame) -> JSONValue {
        .array(
            frame.items.map { item in
                if case .signedMessage(let message) = item { return .object(["signedMessage": signedMessage(message)]) }
                return json(item)
            })
    }

    private static func signedMessage(_ message: SignedMessage) -> JSONValue {
        let body = message.body
        let payload: JSONValue
        do throws(WireError) {
            payload = json(try Payload(decoding: body.payload, type: body.type))
        } catch {
            payload = .string("not a payload of this type: \(error)")
        }
        return .object([
            "session": .string(Hex.encode(body.sessionID)), "attempt": .integer(Int(body.attempt)),
            "signer": .integer(Int(body.index)), "run": Readable.json(body.run), "type": .string("\(body.type)"),
            "payload": payload, "signature": .string(Hex.encode(message.signature)),
        ])
    }
}
