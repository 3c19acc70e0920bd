import Foundation
import MuSig2
import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// What a session is about, for a person who must decide.
struct SessionView {
    let descriptor: SessionDescriptor
    /// The key of the person.
    let ownKey: PublicKey?
    /// The wall clock, for "in 2 h".
    let now: Date

    /// The lines that say what is signed, by whom, under which key and until when.
    func lines() -> [String] {
        var lines = ["session     \(descriptor.id)"]
        for (index, message) in descriptor.messages.enumerated() {
            lines.append("message \(index + 1)   \(Self.size(message.count))  \(Self.excerpt(Hex.encode(message)))")
            if let text = Self.text(message) { lines.append("            as text: \(text)") }
        }
        for (index, key) in descriptor.signerKeys.enumerated() {
            let notes = [key == ownKey ? "you" : nil, index == descriptor.creator ? "creator" : nil].compactMap { $0 }
            lines.append("signer \(index + 1)    \(key)\(notes.isEmpty ? "" : "  (\(notes.joined(separator: ", ")))")")
        }
        if !descriptor.fields.isSorted {
            lines.append("            in the creator's order: wallets that follow BIP-390 sort the keys, and find another key")
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
        for pair in descriptor.fields.metadata {
            lines.append("note        \(Self.visible(pair.key)) = \(Self.visible(pair.value))")
        }
        return lines
    }

    /// The same for programs.
    func json() -> [String: JSONValue] {
        [
            "session": .string("\(descriptor.id)"),
            "messages": .strings(descriptor.messages.map { Hex.encode($0) }),
            "signers": .strings(descriptor.signerKeys.map { "\($0)" }),
            "creator": .number(descriptor.creator),
            "order": .string((descriptor.fields.isSorted ? SignersOptions.Order.sorted : .given).rawValue),
            "finalKey": .string(finalKey),
            "tweaks": .strings(tweaks),
            "taproot": descriptor.taproot.map { .string($0.merkleRoot.map { "\($0)" } ?? "no scripts") } ?? "none",
            "topology": .string("\(descriptor.topology)"),
            "expiresAt": .integer(Int(clamping: descriptor.expiryMilliseconds / 1_000)),
            "metadata": .object(
                Dictionary(
                    descriptor.fields.metadata.map { ($0.key, JSONValue.string($0.value)) },
                    uniquingKeysWith: { first, _ in first })),
        ]
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

    private static func excerpt(_ hex: String) -> String {
        hex.count <= 128 ? hex : "\(hex.prefix(128))… (whole with --json)"
    }

    /// The message as text, if it is printable text: a hostile message must not control the terminal.
    private static func text(_ message: [UInt8]) -> String? {
        guard !message.isEmpty, message.count <= 256,
            let text = String(validating: message, as: UTF8.self),
            text.unicodeScalars.allSatisfy({ $0.properties.isPatternWhitespace || isPrintable($0) })
        else { return nil }
        return "\"\(visible(text))\""
    }

    /// Text of others with everything replaced that is not printable.
    static func visible(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isPrintable($0) ? $0 : "\u{FFFD}" }))
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
