#if os(Linux)
    import CForkedChild
    import Foundation
    import Glibc
    import Testing

    @testable import Secp256k1

    /// Each test protects the secrets of a process of its own, since that is for good.
    @Suite struct SecretMemoryTests {
        @Test(arguments: [true, false]) func k18ACoreHoldsNoKey(isProtected: Bool) async throws {
            let folder: String = FileManager.default.temporaryDirectory.appendingPathComponent(
                "core-\(UUID().uuidString)"
            ).path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
            await #expect(processExitsWith: .signal(SIGABRT)) { [folder = folder as String, isProtected] in
                if isProtected { SecretMemory.protect() }
                try #require(chdir(folder) == 0)
                // Not allowed everywhere; then what the kernel would write is written here.
                _ = allow_cores()
                let key = SecretKey.generate()
                let nonce = SecretScalar(unchecked: SecretBytes.random(byteCount: 32))
                // Straight from its memory into the file: no copy of it is anywhere else in this process.
                let file = open("secrets", O_WRONLY | O_CREAT, 0o600)
                #expect(key.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == 32)
                #expect(nonce.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == 32)
                close(file)
                for message in 0..<10 as Range<UInt8> { _ = try key.schnorrSignature(for: [message]) }
                _ = try key.ecdsaSignature(forDigest: .zero)
                try CoreDump.write(to: "dump")
                signal(SIGABRT, SIG_DFL)
                abort()
            }
            let secrets = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/secrets"))
            try #require(secrets.count == 64)
            let search = SecretSearch(["key": Array(secrets[..<32]), "nonce": Array(secrets[32...])])
            var dumps = try FileManager.default.contentsOfDirectory(atPath: folder)
            dumps.removeAll { $0 == "secrets" }
            #expect(dumps.contains("dump"))
            for dump in dumps {
                let memory = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(dump)"), options: .alwaysMapped)
                let findings = search.findings(in: memory)
                #expect(findings.isEmpty == isProtected, "\(dump): \(findings)")
            }
        }

        @Test(arguments: [true, false]) func k18AForkedChildReadsZeros(isProtected: Bool) async {
            await #expect(processExitsWith: .success) { [isProtected] in
                let before = secretBytes([UInt8](repeating: 1, count: 32))
                if isProtected { SecretMemory.protect() }
                let sizes = [32, 48, 128, 4_096, 4_097, 70_000]
                let found = isProtected ? 0 : 32
                for secret in sizes.map({ Shared(secretBytes([UInt8](repeating: 1, count: $0))) }) {
                    #expect(Self.childFinds(secret.value) == min(isProtected ? 0 : secret.value.count, 100))
                    #expect(secret.value.withUnsafeBytes { $0.allSatisfy { $0 == 1 } }, "the parent keeps its secrets")
                }
                #expect(Self.childFinds(before) == found)
            }
        }

        @Test func theSystemIsAskedForEverything() async {
            await #expect(processExitsWith: .success) {
                let before = secretBytes([1, 2, 3])
                #expect(!SecretMemory.protection.isLocked && !SecretMemory.protection.isLeftOutOfDumps)
                try #expect(Self.flags(before).isDisjoint(with: ["dd", "wf", "lo"]))
                let report = SecretMemory.protect()
                #expect(report.isLeftOutOfDumps && report.isWipedInForkedChild && report.isLocked, "\(report)")
                #expect(SecretMemory.protect() == report)
                for count in [1, 32, 33, 1_000, 5_000, 100_000] {
                    let after = SecretBytes(byteCount: count)
                    try #expect(Self.flags(after).isSuperset(of: ["dd", "wf", "lo"]), "\(count)")
                }
                try #expect(Self.flags(before).isSuperset(of: ["dd", "wf", "lo"]))
            }
        }

        /// As in a container that may lock nothing: all goes on, and the report says what is missing.
        @Test(arguments: [0, 4_096] as [UInt]) func aLimitOfLockedMemoryIsSaidAndNotFatal(limit: UInt) async {
            await #expect(processExitsWith: .success) { [limit] in
                try #require(set_lock_limit(limit) == 0)
                // The superuser may lock what it likes.
                if getuid() == 0 { try #require(setuid(65_534) == 0) }
                SecretMemory.protect()
                let keys = (0..<100).map { _ in Shared(SecretKey.generate()) }
                let report = SecretMemory.protection
                #expect(!report.isLocked && report.lockedByteCount == Int(limit) && report.lockLimit == Int(limit))
                #expect(report.isLeftOutOfDumps && report.isWipedInForkedChild && report.strayByteCount == 0)
                let unlocked = report.byteCount - Int(limit)
                #expect(
                    "\(report)".contains("\(unlocked) bytes not locked into memory (RLIMIT_MEMLOCK is \(limit) bytes)"))
                for key in keys { _ = try key.value.schnorrSignature(for: [1]) }
            }
        }

        private static func childFinds(_ secret: borrowing SecretBytes) -> Int {
            secret.withUnsafeBytes { bytes in
                Int(forked_child_counts(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
            }
        }

        private static func flags(_ secret: borrowing SecretBytes) throws -> Set<String> {
            try secret.withUnsafeBytes { bytes in try CoreDump.flags(at: #require(bytes.baseAddress)) }
        }
    }
#endif
