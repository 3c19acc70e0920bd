import ArgumentParser
import Foundation
import Testing

@testable import musig2

/// How a command line names what is signed.
struct MessageOptionsTests {
    private func messages(_ arguments: [String]) throws -> [[UInt8]] {
        try MessageOptions.parse(arguments).messages()
    }

    @Test
    func theOrderIsThatOfTheCommandLine() throws {
        let file = FileManager.default.temporaryDirectory.appending(component: UUID().uuidString)
        try Data([7]).write(to: file)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: file) } }
        let found = try messages([
            "--message-file", file.path, "--message", "é", "--message-hex", "00", "--message", "", "--message-hex=ff",
            "--message=--text",
        ])
        #expect(found == [[7], [0xC3, 0xA9], [0], [], [0xFF], Array("--text".utf8)])
    }

    @Test(arguments: [
        ([], "--message: expected at least one message, found none"),
        (["--message-hex", "0"], "--message-hex: \"0\" is not hexadecimal"),
        (
            ["--message", "-", "--message-file", "-"],
            "--message -, --message-file -: standard input can be one message, and is named more than once"
        ),
    ])
    func whatIsNoMessage(_ arguments: [String], _ message: String) throws {
        let failure = #expect(throws: Failure.self) { try messages(arguments) }
        #expect(failure?.message == message)
        #expect(failure?.status == .usage)
    }
}
