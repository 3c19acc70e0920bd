import Foundation
import Testing

/// The Swift compiler, run on sources that use the modules of this build.
struct Compiler {
    /// One complaint of the compiler.
    struct Complaint: Hashable, Comparable, CustomStringConvertible {
        var file: String
        var line: Int
        var message: String

        var description: String { "\(self.file):\(self.line): \(self.message)" }

        static func < (left: Complaint, right: Complaint) -> Bool {
            (left.file, left.line, left.message) < (right.file, right.line, right.message)
        }
    }

    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    private let modules: URL
    private let libraryMap: URL

    init() throws {
        let products = Bundle.module.bundleURL.deletingLastPathComponent()
        self.modules = try Self.firstExisting(
            [products.appending(path: "Modules"), products], holding: "MuSig2.swiftmodule"
        )
        // Tests/MuSig2Tests/Misuse/Compiler.swift, four steps below the package's folder.
        let package = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        let dependency = "musig2-secp256k1/Sources/CSecp256k1"
        self.libraryMap = try Self.firstExisting(
            [
                package.deletingLastPathComponent().appending(path: dependency),
                package.appending(path: ".build/checkouts").appending(path: dependency),
            ],
            holding: "module.modulemap"
        ).appending(path: "module.modulemap")
    }

    private static func firstExisting(_ folders: [URL], holding name: String) throws -> URL {
        let found = folders.first { FileManager.default.fileExists(atPath: $0.appending(path: name).path) }
        guard let found else {
            throw Missing(description: "no \(name) in \(folders.map(\.path))")
        }
        return found
    }

    /// Compiles sources up to the stage that checks ownership, as one module, and returns what the compiler says.
    ///
    /// (`-typecheck` stops before that stage and would find nothing to say about nonces used twice.)
    func complaints(about sources: [String: String]) throws -> Set<Complaint> {
        let folder = FileManager.default.temporaryDirectory.appending(path: "musig2-misuse-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            do {
                try FileManager.default.removeItem(at: folder)
            } catch {
                Issue.record("temporary folder \(folder.path): \(error)")
            }
        }
        for (name, text) in sources {
            try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
        }
        let output = folder.appending(path: "complaints.txt")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let log = try FileHandle(forWritingTo: output)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.currentDirectoryURL = folder
        process.arguments =
            ["swiftc", "-emit-sil", "-o", "/dev/null", "-wmo", "-parse-as-library", "-swift-version", "6"]
            + ["-module-name", "Misuse", "-no-color-diagnostics", "-I", self.modules.path]
            + ["-Xcc", "-fmodule-map-file=\(self.libraryMap.path)"] + sources.keys.sorted()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = log
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        guard ended.wait(timeout: .now() + 300) == .success else {
            process.terminate()
            throw Missing(description: "the compiler did not end within 300 seconds")
        }
        try log.close()
        let text = try String(contentsOf: output, encoding: .utf8)
        let complaints = Self.parse(text)
        guard process.terminationStatus == 0 || !complaints.isEmpty else {
            throw Missing(description: "the compiler failed without saying why: \(text)")
        }
        return complaints
    }

    /// Lines of the form `FILE:LINE:COLUMN: error: MESSAGE`.
    private static func parse(_ text: String) -> Set<Complaint> {
        var complaints: Set<Complaint> = []
        for row in text.split(separator: "\n") {
            let parts = row.split(separator: ":", maxSplits: 4)
            guard parts.count == 5, let line = Int(parts[1]), Int(parts[2]) != nil, parts[3] == " error" else {
                continue
            }
            let file = parts[0].split(separator: "/").last.map(String.init) ?? ""
            let message = parts[4].trimmingCharacters(in: .whitespaces)
            complaints.insert(Complaint(file: file, line: line, message: message))
        }
        return complaints
    }
}
