public import Multiformats

/// Why a text is not an invitation, in words for the person that pasted it.
public enum InvitationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No text at all.
    case empty
    /// More characters than any invitation has.
    case tooLong(limit: Int, found: Int)
    /// The text does not start with `musig21`.
    case notAnInvitation(found: String)
    /// Upper and lower case in one text.
    case mixedCase
    /// A character that invitations do not have; positions count from 1.
    case invalidCharacter(Character, position: Int)
    /// Too few characters for a checksum.
    case truncated
    /// A character is wrong, missing, or one too many.
    case badChecksum
    /// A right text with wrong content: made by something else.
    case malformed(WireError)
    /// An address, counted from 0, that cannot be parsed.
    case invalidAddress(index: Int, MultiaddrError)
    /// An address, counted from 0, that does not end in `/p2p/ID`.
    case addressWithoutPeerID(index: Int)

    /// What is wrong, and what to do.
    public var description: String {
        switch self {
        case .empty: "invitation: empty; paste the text that starts with musig21"
        case .tooLong(let limit, let found): "invitation: expected at most \(limit) characters, found \(found)"
        case .notAnInvitation(let found): "invitation: expected a text that starts with musig21, found '\(found)'"
        case .mixedCase: "invitation: upper and lower case are mixed; it was changed on its way, copy it again"
        case .invalidCharacter(let character, let position):
            "invitation: '\(character)' at position \(position) cannot be part of an invitation; copy it again"
        case .truncated: "invitation: only the beginning is there; copy it again, whole"
        case .badChecksum:
            "invitation: the checksum does not match: a character is wrong or a part is missing; copy it again"
        case .malformed(let error): "invitation: the content is not understood (\(error)); is it from a newer version?"
        case .invalidAddress(let index, let error): "invitation: address \(index) is wrong: \(error)"
        case .addressWithoutPeerID(let index): "invitation: address \(index) does not end in /p2p/ID"
        }
    }
}

/// An invitation to a session: its id, and addresses of peers that have its announcement.
///
/// Its text is bech32m (BIP-350) with the prefix `musig2` and no limit of 90 characters: any single wrong character is found.
/// It may be written in capital letters, as QR codes like it.
public struct Invitation: Hashable, Sendable {
    /// The prefix of the text, in front of the separator `1`.
    public static let prefix = "musig2"

    /// 32 bytes.
    public let sessionID: [UInt8]
    /// Where to ask; 1 to 8, each ending in `/p2p/ID`.
    public let addresses: [Multiaddr]

    /// Makes an invitation.
    /// - Throws: ``InvitationError`` for a wrong session id, for no or too many addresses, and for addresses that do not end in `/p2p/ID`.
    public init(
        sessionID: [UInt8], addresses: [Multiaddr], limits: WireLimits = .standard
    ) throws(InvitationError) {
        for (index, address) in addresses.enumerated() where address.peerID == nil {
            throw .addressWithoutPeerID(index: index)
        }
        let message = InvitationMessage(sessionID: sessionID, addresses: addresses.map(\.bytes))
        do throws(WireError) {
            try message.validate(limits)
        } catch {
            throw .malformed(error)
        }
        self.sessionID = sessionID
        self.addresses = addresses
    }

    /// Reads an invitation; blanks and line ends around the text are ignored.
    /// - Throws: ``InvitationError``.
    public init(_ text: String, limits: WireLimits = .standard) throws(InvitationError) {
        let trimmed = Self.trimmed(text)
        if trimmed.isEmpty { throw .empty }
        guard trimmed.utf8.count <= limits.invitationCharacters else {
            throw .tooLong(limit: limits.invitationCharacters, found: trimmed.utf8.count)
        }
        guard trimmed.lowercased().hasPrefix(Self.prefix + "1") else {
            throw .notAnInvitation(found: Self.printable(trimmed.prefix(12)))
        }
        let decoded: (prefix: String, bytes: [UInt8])
        do throws(Bech32m.Failure) {
            decoded = try Bech32m.decode(String(trimmed))
        } catch {
            switch error {
            case .mixedCase: throw .mixedCase
            case .invalidCharacter(let character, let position): throw .invalidCharacter(character, position: position)
            case .tooShort: throw .truncated
            case .badChecksum, .olderChecksum, .noSeparator, .badPadding: throw .badChecksum
            }
        }
        guard decoded.prefix == Self.prefix else { throw .badChecksum }
        let message: InvitationMessage
        do throws(WireError) {
            message = try InvitationMessage(decoding: decoded.bytes, limits: limits)
        } catch {
            throw .malformed(error)
        }
        var addresses: [Multiaddr] = []
        for (index, bytes) in message.addresses.enumerated() {
            do throws(MultiaddrError) {
                addresses.append(try Multiaddr(bytes: bytes))
            } catch {
                throw .invalidAddress(index: index, error)
            }
        }
        try self.init(sessionID: message.sessionID, addresses: addresses, limits: limits)
    }

    /// The text, `musig21…`, in lower case.
    public var text: String {
        Bech32m.encode(
            prefix: Self.prefix,
            InvitationMessage(sessionID: sessionID, addresses: addresses.map(\.bytes)).encoded())
    }

    private static func trimmed(_ text: String) -> Substring {
        let rest = text.drop(while: \.isWhitespace)
        guard let last = rest.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return rest[...last]
    }

    /// Control characters replaced, for an error message.
    private static func printable(_ text: some StringProtocol) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : $0 }))
    }
}

/// The payload of the text.
struct InvitationMessage: WireMessage {
    var sessionID: [UInt8]
    var addresses: [[UInt8]]

    static let messageName = "Invitation"

    init(sessionID: [UInt8], addresses: [[UInt8]]) {
        self.sessionID = sessionID
        self.addresses = addresses
    }

    init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(sessionID: [], addresses: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: sessionID = try reader.bytes(field, "session_id", exactly: WireSize.sessionID)
            case 2:
                try reader.append(
                    field, "addresses", to: &addresses, limit: limits.addressBytes, count: limits.addresses)
            default: try reader.unknown(field)
            }
        }
    }

    func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, sessionID)
        writer.repeatedBytes(2, addresses)
    }

    func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "session_id", sessionID, WireSize.sessionID)
        try WireCheck.count(Self.messageName, "addresses", addresses.count, in: 1...limits.addresses)
        for address in addresses where address.count > limits.addressBytes {
            throw WireError(
                Self.messageName, "addresses", .tooLong(limit: limits.addressBytes, found: address.count))
        }
    }
}
