import ArgumentParser
import Foundation
import Secp256k1
import Testing

@testable import musig2

/// The file of the secret key, and what others may have put in its place.
final class KeyFileTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "musig2-test-\(UUID().uuidString)")
    private var path: String { folder.appendingPathComponent("key").path }
    private let digits = String(repeating: "00", count: 31) + "03"

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: folder)
        } catch {
            FileHandle.standardError.write(Data("could not remove \(folder.path): \(error)\n".utf8))
        }
    }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func failure() throws -> Failure {
        try #require(#expect(throws: Failure.self) { _ = try KeyFile.load(at: path).publicKey })
    }

    @Test
    func whatIsWrittenIsRead() throws {
        let key = SecretKey.generate()
        let publicKey = key.publicKey
        try KeyFile.create(at: path, .plain(key))
        #expect(try KeyFile.load(at: path).publicKey == publicKey)
        let again = #expect(throws: Failure.self) { try KeyFile.create(at: self.path, .plain(.generate())) }
        #expect(again?.status == .file && again?.message == "there is a key already: \(path)")
        #expect(try KeyFile.load(at: path).publicKey == publicKey)
    }

    /// Editors and shells end lines in their own ways.
    @Test(arguments: ["", "\n", "\r\n", "\n\n", " \n"])
    func endsOfLines(end: String) throws {
        try write(digits + end)
        let key = try KeyFile.load(at: path).publicKey
        #expect("\(key)" == "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9")
    }

    @Test(arguments: [
        "not a key\n", "03\n", String(repeating: "0", count: 65), String(repeating: "0", count: 31) + "\n" + "3",
        String(repeating: "g", count: 64), String(repeating: "00", count: 32),
    ])
    func whatIsNoKey(text: String) throws {
        try write(text)
        let failure = try failure()
        #expect(failure.status == .file)
        #expect(failure.message.hasPrefix("\(path) holds no key: "), "\(failure.message)")
    }

    @Test
    func aPipeIsRefusedAtOnce() throws {
        try #require(mkfifo(path, 0o600) == 0)
        #expect(try failure().message == "key file \(path): expected a regular file")
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a file away"))
    func theFileOfAnotherOwnerIsRefused() throws {
        try write(digits + "\n")
        try #require(chown(path, 4_711, 4_711) == 0)
        #expect(try failure().message == "key file \(path): expected owner 0, found 4711")
    }

    @Test
    func whatOthersCanReadIsRefused() throws {
        try write(digits + "\n", mode: 0o644)
        #expect(
            try failure().message
                == "key file \(path): expected mode 600, found 644: others may have read the key; if they "
                + "cannot have, run: chmod 600 '\(path)'")
    }

    /// The system's reason is kept, for the key as for the identities.
    @Test
    func theReasonOfTheSystem() throws {
        try #require(symlink(path, path) == 0)
        #expect(try failure().message == "key file: cannot open \(path): Too many levels of symbolic links")
        let home = try HomeOptions.parse(["--home", folder.path])
        let node = NodeFolder(of: home)
        try HomeOptions.makeFolder(node.path)
        try #require(symlink("identity", "\(node.path)/identity") == 0)
        let failure = #expect(throws: Failure.self) { try node.open(home) }
        #expect(
            failure?.message == "identity file: cannot open \(node.path)/identity: Too many levels of symbolic links")
    }
}
