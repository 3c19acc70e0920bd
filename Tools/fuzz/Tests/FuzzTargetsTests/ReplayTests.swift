import Foundation
import FuzzTargets
import Testing

/// Replays what the fuzzer has found, and holds the targets to what they promise.
@Suite struct ReplayTests {
    /// Tools/fuzz.
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func namesAreDistinct() {
        #expect(Set(FuzzTarget.all.map(\.name)).count == FuzzTarget.all.count)
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func seedsAndTheirDamagedCopiesAreTaken(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        #expect(!target.seeds.isEmpty)
        for seed in target.seeds {
            target.body(seed)
            for length in 0..<seed.count {
                target.body(Array(seed[..<length]))
            }
            for position in seed.indices.prefix(512) {
                for bit in 0..<8 {
                    var damaged = seed
                    damaged[position] ^= 1 << UInt8(bit)
                    target.body(damaged)
                }
            }
        }
    }

    @Test func committedCasesAreTaken() throws {
        let cases = Self.folder.appending(path: "Cases")
        for name in try FileManager.default.contentsOfDirectory(atPath: cases.path) where name != "README.md" {
            let target = try #require(FuzzTarget.all.first { $0.name == name }, "Cases/\(name) has no target")
            let folder = cases.appending(path: name)
            for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
                target.body([UInt8](try Data(contentsOf: folder.appending(path: file))))
            }
        }
    }

    /// A message without a target would never be fuzzed, and nobody would notice.
    @Test func everyMessageHasATarget() throws {
        let sources = Self.folder.appending(path: "../../Packages/musig2-wire-codec/Sources/WireCodec").standardized
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var names: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: #/public static (?:let|var) messageName(?:: String)?\s*(?:=|\{)\s*"([^"]+)"/#)
            {
                names.insert(String(match.1))
            }
        }
        #expect(names.count > 0)
        let fuzzed = Set(FuzzTarget.all.map(\.name).filter { $0.hasPrefix("message-") }.map { String($0.dropFirst(8)) })
        #expect(names.subtracting(fuzzed).sorted() == [])
    }
}
