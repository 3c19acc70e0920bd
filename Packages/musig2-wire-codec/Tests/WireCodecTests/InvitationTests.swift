import Multiformats
import Testing
import WireCodecSamples

@testable import WireCodec

@Suite("Invitations")
struct InvitationTests {
    @Test func roundTrips() throws {
        let invitation = try Samples.invitation()
        let text = invitation.text
        #expect(text.hasPrefix("musig21"))
        #expect(try Invitation(text) == invitation)
        #expect(try Invitation(text.uppercased()) == invitation)
        #expect(try Invitation(" \n\(text)\r\n\t") == invitation)
        #expect(
            invitation.addresses.map(\.description) == [
                "/ip4/127.0.0.1/tcp/4001/p2p/\(Samples.invitationPeer)",
                "/dns4/example.org/tcp/443/wss/p2p/\(Samples.invitationPeer)",
            ])
    }

    @Test func knownText() throws {
        let invitation = try Invitation(
            sessionID: [UInt8](repeating: 0, count: 32),
            addresses: [Multiaddr("/memory/1/p2p/\(Samples.invitationPeer)")])
        #expect(
            invitation.text
                == "musig21pgsqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqjxwysvqqqqqqqqqqqqxjsxfsqysyqzy3qm4nsf0hvftsege30umk459llg5ayn2u7xk7dvwqylsekgks7kcrqv8h796"
        )
    }

    /// Any one wrong character is found, and so is a swap of neighbors.
    @Test func typosAreFound() throws {
        let text = try Samples.invitation().text
        let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l")
        let characters = Array(text)
        for index in 7..<characters.count {
            for replacement in [alphabet[index % 32], alphabet[(index * 7 + 3) % 32]]
            where replacement != characters[index] {
                var wrong = characters
                wrong[index] = replacement
                #expect(throws: InvitationError.badChecksum) { try Invitation(String(wrong)) }
            }
            if index + 1 < characters.count, characters[index] != characters[index + 1] {
                var swapped = characters
                swapped.swapAt(index, index + 1)
                #expect(throws: InvitationError.badChecksum) { try Invitation(String(swapped)) }
            }
        }
    }

    @Test func everyTruncationIsFound() throws {
        let text = try Samples.invitation().text
        for length in 13..<text.count {
            #expect(throws: InvitationError.badChecksum) { try Invitation(String(text.prefix(length))) }
        }
        for length in 7..<13 {
            #expect(throws: InvitationError.truncated) { try Invitation(String(text.prefix(length))) }
        }
    }

    @Test func refusesInWords() throws {
        let text = try Samples.invitation().text
        #expect(throws: InvitationError.empty) { try Invitation(" \n ") }
        #expect(throws: InvitationError.tooLong(limit: 2_048, found: 2_049)) {
            try Invitation(String(repeating: "x", count: 2_049))
        }
        #expect(throws: InvitationError.notAnInvitation(found: "hello")) { try Invitation("hello") }
        #expect(throws: InvitationError.notAnInvitation(found: "bc1qw508d6qe")) {
            try Invitation("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
        }
        #expect(throws: InvitationError.notAnInvitation(found: "musig2")) { try Invitation("musig2") }
        #expect(throws: InvitationError.mixedCase) {
            try Invitation(text.dropLast() + text.suffix(1).uppercased() + "Q")
        }
        #expect(throws: InvitationError.invalidCharacter("b", position: 8)) {
            try Invitation("musig21b" + text.dropFirst(8))
        }
        #expect(throws: InvitationError.invalidCharacter(" ", position: 10)) {
            try Invitation(text.prefix(9) + " " + text.dropFirst(9))
        }
        #expect(throws: InvitationError.invalidCharacter("é", position: 9)) {
            try Invitation("musig21qé" + text.dropFirst(9))
        }
        for error in [InvitationError.empty, .truncated, .badChecksum, .mixedCase, .notAnInvitation(found: "x")] {
            #expect(error.description.hasPrefix("invitation: "))
        }
    }

    @Test func rightTextsWithWrongContent() throws {
        func text(_ bytes: [UInt8]) -> String { Bech32m.encode(prefix: "musig2", bytes) }
        let message = InvitationMessage(sessionID: Samples.sessionID, addresses: [Samples.address])
        #expect(throws: InvitationError.malformed(WireError("Invitation", "session_id", .missing))) {
            try Invitation(text([]))
        }
        #expect(throws: InvitationError.malformed(WireError("Invitation", "", .unknownField(3)))) {
            try Invitation(text(message.encoded() + [0x18, 0x01]))
        }
        #expect(throws: InvitationError.addressWithoutPeerID(index: 0)) { try Invitation(text(message.encoded())) }
        #expect(throws: InvitationError.invalidAddress(index: 1, .unknownCode(7))) {
            try Invitation(
                text(InvitationMessage(sessionID: Samples.sessionID, addresses: [Samples.address, [7]]).encoded()))
        }
        #expect(throws: InvitationError.malformed(WireError("Invitation", "addresses", .missing))) {
            try Invitation(sessionID: Samples.sessionID, addresses: [])
        }
        #expect(throws: InvitationError.addressWithoutPeerID(index: 0)) {
            try Invitation(sessionID: Samples.sessionID, addresses: [Multiaddr("/ip4/1.2.3.4/tcp/1")])
        }
        #expect(throws: InvitationError.malformed(WireError("Invitation", "addresses", .tooMany(limit: 8)))) {
            try Invitation(
                sessionID: Samples.sessionID,
                addresses: [Multiaddr](repeating: Multiaddr("/p2p/\(Samples.invitationPeer)"), count: 9))
        }
    }

    /// Valid texts of BIP-350.
    @Test(arguments: [
        ("A1LQFN3A", "a", ""), ("a1lqfn3a", "a", ""),
        (
            "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
            "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber1", ""
        ),
        ("?1v759aa", "?", ""),
    ])
    func bech32m(text: String, prefix: String, hex: String) throws {
        let decoded = try Bech32m.decode(text)
        #expect(decoded.prefix == prefix)
        #expect(Hex.encode(decoded.bytes) == hex)
        #expect(Bech32m.encode(prefix: prefix, decoded.bytes) == text.lowercased())
    }

    /// Data with bits that do not make whole bytes, checked by value with their checksum all the same (BIP-350's examples).
    @Test(arguments: [
        "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
        "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
    ])
    func bech32mChecksumsOfOddData(text: String) throws {
        do throws(Bech32m.Failure) {
            let decoded = try Bech32m.decode(text)
            #expect(Bech32m.encode(prefix: decoded.prefix, decoded.bytes) == text)
        } catch {
            #expect(error == .badPadding)
        }
    }

    /// Invalid texts of BIP-350, and one with the older checksum (BIP-173).
    @Test(arguments: [
        ("qyrz8wqd2c9m", Bech32m.Failure.noSeparator), ("1qyrz8wqd2c9m", .tooShort),
        ("y1b0jsk6g", .invalidCharacter("b", position: 3)),
        ("lt1igcx5c0", .invalidCharacter("i", position: 4)), ("in1muywd", .tooShort),
        ("mm1crxm3i", .invalidCharacter("i", position: 9)),
        ("au1s5cgom", .invalidCharacter("o", position: 8)), ("M1VUXWEZ", .badChecksum), ("16plkw9", .tooShort),
        ("1p2gdwpf", .tooShort),
        ("a12uel5l", .olderChecksum),
    ])
    func bech32mRefuses(text: String, failure: Bech32m.Failure) {
        #expect(throws: failure) { try Bech32m.decode(text) }
    }
}
