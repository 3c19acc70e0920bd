import ArgumentParser
import Foundation
import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

@testable import musig2

/// A session that one process of a home is in, and what it leaves behind.
final class SessionClaimTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("musig2-test-\(UUID().uuidString)")
        .path
    private let home: HomeOptions
    private let session = SessionID(Hash32.random())
    private let address: Multiaddr

    init() throws {
        home = try HomeOptions.parse(["--home", path])
        address = try Multiaddr(
            "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            FileHandle.standardError.write(Data("could not remove \(path): \(error)\n".utf8))
        }
    }

    private var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: home.sessionsFolder).sorted() }
    }

    @Test
    func oneProcessAtATime() throws {
        let first = try SessionClaim(session, in: home)
        #expect(throws: Failure.self) { try SessionClaim(self.session, in: self.home) }
        // Another session is another matter.
        try SessionClaim(SessionID(Hash32.random()), in: home).letGo(isOver: true)
        first.letGo(isOver: false)
        #expect(try files == [], "a file that says nothing is not left behind")
        try SessionClaim(session, in: home).letGo(isOver: true)
    }

    @Test
    func whereTheOthersWereIsKept() throws {
        #expect(SessionClaim.addresses(of: session, in: home).isEmpty)
        let claim = try SessionClaim(session, in: home)
        claim.remember([[address]])
        #expect(SessionClaim.addresses(of: session, in: home) == [[address]], "also while a process is in it")
        claim.letGo(isOver: false)
        #expect(try files == ["\(session)"])
        #expect(SessionClaim.addresses(of: session, in: home) == [[address]])
        let again = try SessionClaim(session, in: home)
        again.letGo(isOver: true)
        #expect(SessionClaim.addresses(of: session, in: home).isEmpty)
    }

    /// What a power cut or a person has left in the file is not believed.
    @Test
    func aFileOfRubbish() throws {
        let claim = try SessionClaim(session, in: home)
        claim.remember([[address]])
        claim.letGo(isOver: false)
        let file = URL(fileURLWithPath: "\(home.sessionsFolder)/\(session)")
        let text = try String(contentsOf: file, encoding: .utf8)
        let other = try Invitation(sessionID: Hash32.random().bytes, addresses: [address]).text
        try Data("\(other)\nrubbish\n\(text.dropLast(5))\n\(text)".utf8).write(to: file)
        #expect(SessionClaim.addresses(of: session, in: home) == [[address]])
        try Data(repeating: 0xFF, count: 100_000).write(to: file)
        #expect(SessionClaim.addresses(of: session, in: home).isEmpty)
    }

    /// Processes that are killed leave files behind: those of sessions that are over by now go, and the oldest of too many.
    @Test
    func filesThatAreLeftBehind() throws {
        let claim = try SessionClaim(session, in: home)
        func leave(_ name: String, age: TimeInterval) throws {
            let file = "\(home.sessionsFolder)/\(name)"
            try Data("x".utf8).write(to: URL(fileURLWithPath: file))
            try FileManager.default.setAttributes([.modificationDate: Date() - age], ofItemAtPath: file)
        }
        try leave("old", age: 31 * 86_400)
        try leave("young", age: 29 * 86_400)
        let other = try SessionClaim(SessionID(Hash32.random()), in: home)
        other.letGo(isOver: true)
        #expect(try files == ["\(session)", "young"].sorted())
        for number in 0..<300 { try leave("\(number)", age: Double(number + 100)) }
        try SessionClaim(SessionID(Hash32.random()), in: home).letGo(isOver: true)
        #expect(try files.count == 256 && !files.contains("young") && files.contains("0"))
        claim.letGo(isOver: true)
    }
}
