import ArgumentParser
import Foundation
import MuSig2Session
import Secp256k1
import Testing

@testable import musig2

/// What a person sees of a session before saying yes: all of it.
struct SessionViewTests {
    private static func view(
        _ messages: [[UInt8]], _ change: (inout SessionPlan) -> Void = { _ in }
    ) throws -> SessionView {
        let keys = [SecretKey.generate().publicKey, SecretKey.generate().publicKey].sorted()
        var plan = SessionPlan(signerKeys: keys, messages: messages, creator: 0)
        plan.isSorted = true
        change(&plan)
        let now = Now(monotonic: .zero, wallMilliseconds: 1_700_000_000_000)
        let descriptor = try SessionDescriptor(plan, at: now, random: Hash32.random())
        return SessionView(descriptor: descriptor, ownKey: nil, now: Date(timeIntervalSince1970: 1_700_000_000))
    }

    @Test
    func theHashOfEachMessage() throws {
        let view = try Self.view([Array("hello".utf8), []])
        let hashes = [
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ]
        #expect(
            Array(view.lines().dropFirst().prefix(6)) == [
                "message 1   5 bytes", "  SHA-256   \(hashes[0])", "  as text   | hello", "  in hex    68656c6c6f",
                "message 2   0 bytes", "  SHA-256   \(hashes[1])",
            ])
        #expect(view.json()["messageHashes"] == .strings(hashes))
    }

    /// A text of any length, each row of it marked: none of them can be taken for a line of the review.
    @Test
    func longTextsAreShownWhole() throws {
        let forged = "final key   " + String(repeating: "11", count: 32)
        let text =
            (1...500).map { "line \($0)" }.joined(separator: "\n") + "\n" + forged + "\n\tend\r\n"
            + String(repeating: "x", count: 300)
        let lines = try Self.view([Array(text.utf8)]).lines(columns: 80)
        let rows = lines.filter {
            $0.hasPrefix("            | ") || $0.hasPrefix("            : ") || $0.hasPrefix("  as text")
        }
        #expect(rows.allSatisfy { $0.count <= 80 })
        #expect(rows.first == "  as text   | line 1" && rows.dropFirst(499).first == "            | line 500")
        #expect(
            rows.contains("            | \(forged.prefix(66))")
                && rows.contains("            : \(forged.dropFirst(66))"))
        #expect(rows.contains("            | \u{2409}end\u{240D}"))
        #expect(rows.suffix(5).map(\.count) == [80, 80, 80, 80, 50])
        #expect(lines.count { $0.hasPrefix("final key") } == 1)
        #expect(!lines.contains { $0.hasPrefix("  in hex") })
    }

    @Test
    func bytesAreShownWhole() throws {
        let message = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let lines = try Self.view([message]).lines(columns: 76)
        let digits = lines.filter { $0.hasPrefix("            ") || $0.hasPrefix("  in hex") }.map { $0.dropFirst(12) }
        #expect(digits.joined() == message.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        #expect(digits.first?.count == 64)
    }

    /// A text that is not shown as text: it is said why.
    @Test
    func whatATerminalWouldObeyIsNamed() throws {
        for (message, words) in [
            ("a\u{1B}[2J", "it holds the control character U+001B, which a terminal may obey"),
            ("a\u{202E}b", "it holds the character U+202E, which cannot be seen"),
            ("\u{E0041}", "it holds the character U+E0041, which cannot be seen"),
        ] {
            let lines = try Self.view([Array(message.utf8)]).lines()
            #expect(
                lines.contains("  no text   \(words)") && lines.contains { $0.hasPrefix("  in hex    ") }, "\(lines)")
        }
        #expect(
            !(try Self.view([[0xFF, 0x1B]]).lines().contains { $0.contains("no text") }),
            "bytes that are no text at all")
    }

    /// The person that made a message need not read it page by page.
    @Test
    func theCreatorSeesTheBeginning() throws {
        let text = (1...500).map { "line \($0)" }.joined(separator: "\n")
        let lines = try Self.view([Array(text.utf8)]).lines(rows: 3)
        #expect(lines.dropFirst(5).first == "            | line 3")
        #expect(lines.dropFirst(6).first == "            … and 497 lines more")
    }

    @Test
    func notesAreTheCreatorsWords() throws {
        let view = try Self.view([[]]) { $0.metadata = ["purpose": "rent\nfinal key   00", "to": "Carol"] }
        #expect(
            view.lines().suffix(3) == [
                "notes       says the creator:", "            | purpose = rent\u{240A}final key   00",
                "            | to = Carol",
            ])
    }

    @Test
    func theTermsForPrograms() throws {
        let root = Hash32.random()
        let view = try Self.view([[1]]) { plan in
            plan.taproot = SessionPlan.Taproot(merkleRoot: root)
            plan.hasCommitmentRound = true
        }
        #expect(view.json()["taproot"] == .string("\(root)"))
        #expect(view.json()["commitments"] == true)
        #expect(view.json()["order"] == "sorted")
        #expect(view.lines().contains("taproot     script tree \(root)"))
        let given = try Self.view([[1]]) { plan in
            plan.isSorted = false
            plan.signerKeys.reverse()
        }
        #expect(given.json()["order"] == "given" && given.json()["commitments"] == false)
        #expect(given.lines().contains { $0.contains("in the creator's order") })
    }

    // MARK: Pages

    /// A line that is wider than the terminal takes several rows of it, and a character may take two columns.
    @Test
    func pagesAreCountedInRows() {
        let lines = [String(repeating: "x", count: 81), String(repeating: "\u{6F22}", count: 21), "", "x", "x"]
        let pages = Pages(lines, size: (columns: 40, rows: 6)).pages
        #expect(pages == [[lines[0], lines[1]], ["", "x", "x"]])
        #expect(Pages([String(repeating: "x", count: 500), "y"], size: (columns: 10, rows: 6)).pages.count == 2)
    }

    @Test
    func aLongTextIsShownPageByPage() async {
        let lines = (1...10).map { "\($0)" }
        for (rows, answers, expected, isWhole) in [
            (nil, [], lines, true), (11, [], lines, true), (5, ["\n", " "], lines, true),
            (5, ["\r", "q"], Array(lines.prefix(8)), false), (5, [nil], Array(lines.prefix(4)), false),
        ] as [(Int?, [Character?], [String], Bool)] {
            var (shown, questions, rest) = ([String](), [String](), answers)
            let whole = await Pages(lines, size: rows.map { (80, $0) }).show {
                shown.append($0)
            } ask: { question, keys in
                questions.append(question)
                #expect(keys == ["\n", "\r", " ", "q", "Q"])
                return rest.isEmpty ? nil : rest.removeFirst()
            }
            #expect(shown == expected && whole == isWhole && rest.isEmpty)
            #expect(questions.first.map { $0 == "-- 4 of 10 lines; Enter: more, q: no more --" } ?? true)
        }
    }

    // MARK: What is expected

    @Test
    func anotherMessageIsRefused() throws {
        let hello = Array("hello".utf8)
        let file = FileManager.default.temporaryDirectory.appending(component: UUID().uuidString)
        try Data(hello).write(to: file)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: file) } }
        let expected = try ExpectedMessagesOptions.parse(["--expect-file", file.path, "--expect-hex", "00"]).expected()
        #expect(expected == [hello, [0]])
        func refusal(_ messages: [[UInt8]]) -> String? {
            ExpectedMessagesOptions.refusal(of: messages, expected: expected)
        }
        #expect(refusal([hello, [0]]) == nil)
        #expect(refusal([hello]) == "the session has 1 message, and 2 are expected")
        #expect(refusal([[0], hello])?.hasPrefix("message 1 is not the one expected: its SHA-256 is 6e34") == true)
        #expect(refusal([hello, [1]])?.hasPrefix("message 2 is not the one expected: ") == true)
        #expect(try ExpectedMessagesOptions.parse([]).expected() == nil)
        #expect(ExpectedMessagesOptions.refusal(of: [[7]], expected: nil) == nil)
    }

    @Test
    func signaturesSayForWhatTheyAre() throws {
        let signature = try SecretKey.generate().schnorrSignature(for: [])
        let line = SignatureLine(number: 2, signature: signature, message: Array("hello".utf8))
        let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        #expect(line.text == "signature 2 (message SHA-256 \(hash)): \(signature)")
        #expect(line.fields["messageHash"] == .string(hash) && line.fields["message"] == 2)
    }

    @Test
    func theFormOfUsageErrors() {
        #expect(OutputFormat(of: ["create", "--json", "--nonsense"]) == .json)
        #expect(OutputFormat(of: ["create", "--human"]) == .human)
    }
}
