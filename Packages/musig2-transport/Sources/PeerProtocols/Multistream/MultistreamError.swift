/// Why a protocol could not be agreed on.
public enum MultistreamError: Error, Equatable, CustomStringConvertible {
    /// A message length above the limit, or one that takes more than two bytes.
    case lengthTooLarge(maximum: Int)
    /// A message that does not end in a newline.
    case missingNewline
    /// The first bytes are not the message `/multistream/1.0.0`; `found` is as much of them as came together.
    case unexpectedHeader(found: String)
    /// The listener answered a proposal with neither its echo nor `na`.
    case unexpectedAnswer(expected: String, found: String)
    /// The listener refused every protocol proposed.
    case refused(proposed: [String])
    /// The initiator went on proposing protocols that this side does not speak.
    case tooManyProposals(maximum: Int)

    /// The rule, what was expected and what was found.
    public var description: String {
        switch self {
        case .lengthTooLarge(let maximum):
            return "multistream message is longer than \(maximum) bytes"
        case .missingNewline:
            return "multistream message does not end in a newline"
        case .unexpectedHeader(let found):
            return "multistream header: expected \"\(MultistreamMessage.header)\", found \"\(found)\""
        case .unexpectedAnswer(let expected, let found):
            return "multistream answer: expected \"\(expected)\" or \"na\", found \"\(found)\""
        case .refused(let proposed):
            return "the peer speaks none of: \(proposed.joined(separator: ", "))"
        case .tooManyProposals(let maximum):
            return "the peer proposed more than \(maximum) protocols that are not spoken here"
        }
    }

    /// How much of what was received an error shows.
    public static let shownBytes = 48

    /// A received text shortened and stripped of control characters, fit to stand in an error.
    public static func printable(_ text: [UInt8]) -> String {
        String(
            decoding: text.prefix(Self.shownBytes).map { $0 >= 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }
}
