#if os(Linux)
    import FlowKit
    import Foundation
    import Testing

    /// What a command that crashes with a key in its memory leaves behind: a trace, and nothing of the key.
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct CrashTests {
        private let command: Command
        private let folder: TemporaryFolder

        init() throws {
            command = try Command()
            folder = try TemporaryFolder()
        }

        /// What the caller had set for reports of its own; looking names up would take a minute.
        @Test(arguments: ["", "registers=all,", "format=json,"])
        func k18ACrashShowsAndKeepsNothingOfTheKey(settings: String) async throws {
            let own = try await newKey("a")
            let other = try await newKey("b")
            let create =
                "'\(command.path)' create --home '\(folder.file("a"))' --listen /ip4/127.0.0.1/tcp/0"
                + " --signers \(own),\(other) --message-hex 00 --json"
            // The first line comes when the node runs, with the key in memory. A signal from outside is reported and then
            // forgotten, so the process is ended when the report is complete.
            let crashed = try await command.shell(
                """
                cd '\(folder.path)' && mkfifo lines report || exit 1
                SWIFT_BACKTRACE='\(settings)symbolicate=off' \(create) > lines 2> report & process=$!
                exec 3< lines 4< report; read -r line <&3
                grep 'core file' /proc/$process/limits; kill -SEGV $process
                while read -r line <&4; do
                    printf '%s\\n' "$line" >&2
                    case "$line" in *"Backtrace took"*) break ;; esac
                done
                kill -KILL $process; wait $process
                """)
            let limits = crashed.output.split(separator: " ").filter { $0.allSatisfy(\.isNumber) }
            #expect(limits == ["0", "0"], "no core: \(crashed.output)")
            let report = crashed.error
            #expect(report.contains("Program crashed") && report.contains("musig2"), "\(report)")
            for word in ["Registers:", "rsp", "registers", "capturedMemory", "<memory>"] {
                #expect(!report.contains(word), "\(word) in \(report)")
            }
            let key = try String(contentsOfFile: folder.file("a/key"), encoding: .ascii).prefix(64)
            try #require(key.count == 64)
            let digits = report.lowercased().filter(\.isHexDigit)
            for order in [Self.bytes(key), Self.bytes(key).reversed()] {
                for start in 0...24 where digits.contains(order[start..<(start + 8)].joined()) {
                    Issue.record("8 bytes of the key are in \(report)")
                }
            }
        }

        private func newKey(_ home: String) async throws -> String {
            let made = try await command.run(["key", "new", "--home", folder.file(home), "--json"])
            #expect(made.status == 0, "\(made.error)")
            return try JSONLine(made.output).text("publicKey")
        }

        private static func bytes(_ hex: Substring) -> [String] {
            let digits = Array(hex)
            return stride(from: 0, to: digits.count, by: 2).map { String(digits[$0..<($0 + 2)]) }
        }
    }
#endif
