import Foundation

/// Compiles small sources against the module that this test run was built with, to show what does not compile.
enum Compiler {
    /// One complaint of the compiler: where and what.
    struct Complaint: Hashable, CustomStringConvertible {
        var line: Int
        var message: String

        var description: String { "line \(line): \(message)" }
    }

    /// The errors in a source, as far as the stage that checks noncopyable values; a mere type check would miss those.
    /// - Parameter source: The source. `import Secp256k1` is line 1; the source starts at line 2.
    static func errors(in source: String) throws -> [Complaint] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("Source.swift")
        try Data(("import Secp256k1\n" + source).utf8).write(to: file)

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let moduleMap = packageFolder.appendingPathComponent("Sources/CSecp256k1/module.modulemap").path
        process.arguments = [
            "swiftc", "-emit-sil", "-o", folder.appendingPathComponent("Source.sil").path,
            "-swift-version", "6", "-parse-as-library", "-module-name", "Source",
            "-module-cache-path", buildFolder.appendingPathComponent("ModuleCache").path,
            "-I", buildFolder.appendingPathComponent("Modules").path,
            "-Xcc", "-fmodule-map-file=\(moduleMap)",
            file.path,
        ]
        let output = Pipe()
        process.standardError = output
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()

        let complaints = text.split(separator: "\n").compactMap { line -> Complaint? in
            // FILE:LINE:COLUMN: error: MESSAGE
            guard let place = line.range(of: "Source.swift:"), let error = line.range(of: ": error: ") else {
                return nil
            }
            guard place.upperBound < error.lowerBound else { return nil }
            let number = line[place.upperBound..<error.lowerBound].prefix { $0 != ":" }
            return Int(number).map { Complaint(line: $0, message: String(line[error.upperBound...])) }
        }
        guard complaints.isEmpty == (process.terminationStatus == 0) else { throw Failure(output: text) }
        return complaints
    }

    /// The compiler failed, and not because of the source.
    struct Failure: Error {
        var output: String
    }

    private static var packageFolder: URL {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return folder
    }

    /// Where this test run was built.
    private static var buildFolder: URL {
        #if os(macOS)
            let product = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
        #else
            let product = Bundle.main.executableURL?.resolvingSymlinksInPath()
        #endif
        guard let product else { preconditionFailure("a test run has a place") }
        return product.deletingLastPathComponent()
    }
}
