import Crypto
import Foundation
import MuSig2
import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// What a session is about, for a person that must decide: all of what is approved, whatever its size.
struct SessionView {
    let descriptor: SessionDescriptor
    /// The key of the person.
    let ownKey: PublicKey?
    /// The wall clock, for "in 2 h".
    let now: Date

    /// The lines that say what is signed, by which signers, under which key and until when.
    ///
    /// - Parameters:
    ///   - columns: How wide a line may be; keys and hashes are never broken.
    ///   - rows: How many rows of a message are shown, for the person that made it; nil: all.
    func lines(columns: Int = Self.columns, rows: Int? = nil) -> [String] {
        var lines = ["session     \(descriptor.id)"]
        for (index, message) in descriptor.messages.enumerated() {
            lines.append("message \(index + 1)   \(Self.size(message.count))")
            lines.append("  SHA-256   \(Self.sha256(message))")
            let content = Self.content(message, columns: columns)
            lines += content.prefix(rows ?? content.count)
            if let rows, content.count > rows { lines.append("            … and \(content.count - rows) lines more") }
        }
        for (index, key) in descriptor.signerKeys.enumerated() {
            let notes = [key == ownKey ? "you" : nil, index == descriptor.creator ? "creator" : nil].compactMap { $0 }
            lines.append("signer \(index + 1)    \(key)\(notes.isEmpty ? "" : "  (\(notes.joined(separator: ", ")))")")
        }
        if !descriptor.fields.isSorted {
            lines.append(
                "            in the creator's order: wallets that follow BIP-390 sort the keys, and find another key")
        }
        lines.append("final key   \(finalKey)")
        if descriptor.hasRawTweaks {
            lines.append("            made by tweaks: the signers above do not say which key it is")
            for tweak in tweaks { lines.append("tweak       \(tweak)") }
        }
        if let taproot = descriptor.taproot {
            lines.append("taproot     \(taproot.merkleRoot.map { "script tree \($0)" } ?? "no scripts")")
        }
        lines.append(
            "topology    \(descriptor.topology)\(descriptor.hasCommitmentRound ? ", nonces are committed to first" : "")"
        )
        lines.append("expires     \(expiry)")
        if !descriptor.fields.metadata.isEmpty { lines.append("notes       says the creator:") }
        for pair in descriptor.fields.metadata {
            let words = "\(pair.key) = \(pair.value)"
            lines += VisibleText.rows(words, columns: columns - Self.margin.count, isOneLine: true)
                .map { Self.margin + $0 }
        }
        return lines
    }

    /// The same for programs.
    func json() -> [String: JSONValue] {
        [
            "session": .string("\(descriptor.id)"),
            "messages": .strings(descriptor.messages.map { Hex.encode($0) }),
            "messageHashes": .strings(messageHashes),
            "signers": .strings(descriptor.signerKeys.map { "\($0)" }),
            "creator": .number(descriptor.creator),
            "order": .string((descriptor.fields.isSorted ? SignersOptions.Order.sorted : .given).rawValue),
            "finalKey": .string(finalKey),
            "tweaks": .strings(tweaks),
            "taproot": descriptor.taproot.map { .string($0.merkleRoot.map { "\($0)" } ?? "no scripts") } ?? "none",
            "topology": .string("\(descriptor.topology)"),
            "commitments": .bool(descriptor.hasCommitmentRound),
            "expiresAt": .integer(Int(clamping: descriptor.expiryMilliseconds / 1_000)),
            "metadata": .object(
                Dictionary(
                    descriptor.fields.metadata.map { ($0.key, JSONValue.string($0.value)) },
                    uniquingKeysWith: { first, _ in first })),
        ]
    }

    /// The SHA-256 of each message, in hexadecimal.
    var messageHashes: [String] { descriptor.messages.map(Self.sha256) }

    /// The SHA-256 of a message, in hexadecimal: what `sha256sum` prints of its file.
    static func sha256(_ message: [UInt8]) -> String { Hex.encode(Array(SHA256.hash(data: message))) }

    /// How wide lines are where nobody says it.
    static let columns = 100

    /// In front of what is not a line of its own.
    private static let margin = "            "

    /// A message whole: as text if it is text, in hexadecimal if it is not, and as both if it is short.
    private static func content(_ message: [UInt8], columns: Int) -> [String] {
        let text = VisibleText.text(message)
        var lines: [String] = []
        if let text { lines += labelled("  as text   ", VisibleText.rows(text, columns: columns - margin.count)) }
        if let obstacle = VisibleText.obstacle(message) { lines.append("  no text   it holds \(obstacle)") }
        guard !message.isEmpty, text == nil || message.count <= 64 else { return lines }
        let digits = max((columns - margin.count) / 2, 1)
        let rows = stride(from: 0, to: message.count, by: digits).map { start in
            Hex.encode(Array(message[start..<min(start + digits, message.count)]))
        }
        return lines + labelled("  in hex    ", rows)
    }

    private static func labelled(_ label: String, _ rows: [String]) -> [String] {
        rows.enumerated().map { ($0 == 0 ? label : margin) + $1 }
    }

    /// The key that the signatures are for, all tweaks applied: what the person approves.
    private var finalKey: String {
        do throws(DescriptorError) {
            return "\(try descriptor.finalKey())"
        } catch {
            return "none: \(error)"
        }
    }

    /// The tweaks in the form of the option `--tweak`.
    private var tweaks: [String] {
        descriptor.tweaks.map { ($0.kind == .plain ? "plain:" : "xonly:") + Hex.encode($0.scalar.bytes) }
    }

    private var expiry: String {
        let date = Date(timeIntervalSince1970: Double(descriptor.expiryMilliseconds) / 1_000)
        let seconds = date.timeIntervalSince(now)
        let relative = seconds <= 0 ? "over" : "in \(Self.span(seconds))"
        return "\(date.formatted(.iso8601)) (\(relative))"
    }

    /// A span of time with its two largest units.
    static func span(_ seconds: Double) -> String {
        let total = Int(seconds.rounded())
        let (days, hours, minutes) = (total / 86_400, total / 3_600 % 24, total / 60 % 60)
        if days > 0 { return "\(days) d \(hours) h" }
        if hours > 0 { return "\(hours) h \(minutes) min" }
        if minutes > 0 { return "\(minutes) min" }
        return "\(total) s"
    }

    /// A number of bytes in words.
    static func size(_ count: Int) -> String { count == 1 ? "1 byte" : "\(count) bytes" }

    /// Text of others with everything replaced that is not printable.
    static func visible(_ text: String) -> String { VisibleText.line(text) }
}
