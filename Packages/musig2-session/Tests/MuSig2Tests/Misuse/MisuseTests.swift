import Foundation
import Testing

/// What must not compile: a secret nonce used twice, copied, printed or stored.
///
/// Each source marks the line that the compiler must complain about; it must say just that and nothing else. The
/// sources that do the same things right are compiled too, so that a mistake in the set-up cannot pass for a complaint.
@Suite("Misuse that does not compile")
struct MisuseTests {
    private static let head = """
        import MuSig2
        import Secp256k1

        """

    @Test("The right use compiles")
    func rightUse() throws {
        #expect(try Compiler().complaints(about: Self.sources(MisuseSources.rightUse)) == [])
    }

    @Test("A second use, a copy or a loan is a complaint of the ownership checker")
    func ownership() throws {
        try Self.expectMarkedComplaints(MisuseSources.ownership)
    }

    @Test("Printing, encoding, comparing and collecting is a complaint of the type checker")
    func types() throws {
        try Self.expectMarkedComplaints(MisuseSources.types)
    }

    private static func sources(_ bodies: [String: String]) -> [String: String] {
        bodies.mapValues { self.head + $0 }
    }

    /// A line that ends in `// error: TEXT` must cause a complaint that contains the text; no other line may cause one.
    private static func expectMarkedComplaints(_ bodies: [String: String]) throws {
        let sources = self.sources(bodies)
        let complaints = try Compiler().complaints(about: sources)
        for (file, text) in sources {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            var marked: [Int: String] = [:]
            for (index, line) in lines.enumerated() {
                if let mark = line.range(of: "// error: ") {
                    marked[index + 1] = String(line[mark.upperBound...])
                }
            }
            let found = complaints.filter { $0.file == file }
            #expect(!marked.isEmpty, "\(file) marks no line")
            for (line, message) in marked {
                #expect(
                    found.contains { $0.line == line && $0.message.contains(message) },
                    "\(file):\(line): expected '\(message)', found \(found.sorted())"
                )
            }
            for complaint in found {
                #expect(marked[complaint.line] != nil, "not expected: \(complaint)")
            }
        }
    }
}
