import ArgumentParser
import Foundation
import Testing

@testable import musig2

/// What a node keeps in its home, and where it tells its status.
final class NodeFolderTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("musig2-test-\(UUID().uuidString)")
        .path

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            FileHandle.standardError.write(Data("could not remove \(path): \(error)\n".utf8))
        }
    }

    private func folder(_ name: String) throws -> NodeFolder {
        let home = try HomeOptions.parse(["--home", "\(path)/\(name)"])
        let folder = NodeFolder(of: home)
        _ = try folder.open(home)
        return folder
    }

    @Test
    func thePortIsRemembered() throws {
        let folder = try folder("a")
        #expect(folder.port == nil)
        try folder.remember(port: 4001)
        #expect(folder.port == 4001)
        try Data("no port\n".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/port"))
        #expect(folder.port == nil, "what is no port counts as none")
    }

    /// The path of a socket has room for some hundred bytes.
    @Test
    func deepFolders() throws {
        let folder = try folder(Array(repeating: "a-folder-with-a-long-name", count: 8).joined(separator: "/"))
        #expect(folder.path.utf8.count > 200)
        try StatusSocket.serve("status", in: folder.path) { "fine" }
        #expect(try StatusSocket.ask("status", in: folder.path) == "fine")
        #expect(try StatusSocket.ask("status", in: folder.path) == "fine", "anybody may ask, again and again")
        // A new one takes the place of one that is there.
        try StatusSocket.serve("status", in: folder.path) { String(repeating: "x", count: 300_000) }
        #expect(try StatusSocket.ask("status", in: folder.path)?.count == 300_000)
        StatusSocket.remove("status", in: folder.path)
        #expect(try StatusSocket.ask("status", in: folder.path) == nil)
    }

    @Test
    func nobodyTells() throws {
        #expect(try StatusSocket.ask("status", in: "\(path)/nowhere") == nil)
        let folder = try folder("a")
        #expect(try StatusSocket.ask("status", in: folder.path) == nil)
        let file = URL(fileURLWithPath: "\(folder.path)/status")
        try Data().write(to: file)
        #expect(try StatusSocket.ask("status", in: folder.path) == nil, "a file is no node")
        let failure = #expect(throws: Failure.self) {
            try StatusSocket.serve("status", in: "\(path)/nowhere") { "" }
        }
        #expect(failure?.status == .file)
        #expect(failure?.message == "cannot make the socket \(path)/nowhere/status: No such file or directory")
    }
}
