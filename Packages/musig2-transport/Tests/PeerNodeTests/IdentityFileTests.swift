import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import Testing

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Identities on disk. Each test has a directory of its own.
@Suite final class IdentityFileTests {
    private let directory: String

    init() throws {
        var template = Array("/tmp/identity-file-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TransportError(.systemFailure, "mkdtemp") }
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        unlink("\(directory)/identity")
        rmdir(directory)
    }

    private var path: String { "\(directory)/identity" }

    private func mode(of path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    private static func system(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Darwin)
            Darwin.write(file, bytes.baseAddress, bytes.count)
        #else
            Glibc.write(file, bytes.baseAddress, bytes.count)
        #endif
    }

    private func write(_ bytes: [UInt8], mode: mode_t = 0o600) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        #expect(bytes.withUnsafeBytes { Self.system(file, $0) } == bytes.count)
        close(file)
        chmod(path, mode)
    }

    @Test(arguments: [NodeIdentity.KeyKind.ed25519, .secp256k1])
    func isMadeOnceAndKept(kind: NodeIdentity.KeyKind) throws {
        let made = try NodeIdentity.loadOrCreate(at: path, kind: kind)
        #expect(mode(of: path) == 0o600)
        #expect(made.publicKey.type == (kind == .ed25519 ? .ed25519 : .secp256k1))
        let again = try NodeIdentity.loadOrCreate(at: path)
        #expect(again.peerID == made.peerID)
        let loaded = try #require(try NodeIdentity.load(from: path))
        let signature = try loaded.signature(for: [1, 2, 3])
        #expect(try IdentityVerification.isValidSignature(signature, for: [1, 2, 3], by: made.publicKey))
    }

    @Test func aMissingFileIsNoIdentity() throws {
        #expect(try NodeIdentity.load(from: path) == nil)
    }

    @Test func aFileThatIsThereIsNeverReplaced() throws {
        let first = NodeIdentity.generateEd25519()
        #expect(try first.save(to: path))
        #expect(try !NodeIdentity.generateEd25519().save(to: path))
        #expect(try NodeIdentity.load(from: path)?.peerID == first.peerID)
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o660, 0o601] as [mode_t])
    func aFileThatOthersCanReachIsRefused(mode: mode_t) throws {
        try NodeIdentity.generateEd25519().save(to: path)
        chmod(path, mode)
        let error = #expect(throws: TransportError.self) { try NodeIdentity.loadOrCreate(at: path) }
        #expect(error?.code == .identityFile)
        #expect(
            error?.message == "identity file \(path): expected mode 600, found \(String(mode, radix: 8)): "
                + "others may have read the key; if they cannot have, run: chmod 600 '\(path)'"
        )
    }

    @Test(arguments: [[], [1, 2, 3], [UInt8](repeating: 0, count: 4097)] as [[UInt8]])
    func aFileThatIsNotAnIdentityIsRefused(bytes: [UInt8]) throws {
        write(bytes)
        #expect(throws: TransportError(.identityFile, "")) { try NodeIdentity.loadOrCreate(at: path) }
    }

    @Test func aPipeOrADirectoryIsRefused() throws {
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: TransportError(.identityFile, "")) { try NodeIdentity.loadOrCreate(at: path) }
        #expect(throws: TransportError(.identityFile, "")) { try NodeIdentity.loadOrCreate(at: directory) }
    }

    @Test func aDirectoryThatIsNotThereIsNamed() throws {
        let missing = "\(directory)/none/identity"
        let error = #expect(throws: TransportError.self) { try NodeIdentity.loadOrCreate(at: missing) }
        #expect(error?.code == .identityFile)
        #expect(error?.message.hasPrefix("identity file: cannot create \(missing).") == true)
        #expect(error?.underlying == "No such file or directory")
    }

    /// Many at once: all get the same identity, and no temporary file stays.
    @Test func whoeverStartsAtOnceGetsTheSame() async throws {
        let path = path
        let found = try await withThrowingTaskGroup(of: PeerID.self) { group in
            for _ in 0..<16 { group.addTask { try NodeIdentity.loadOrCreate(at: path).peerID } }
            return try await group.reduce(into: Set<PeerID>()) { $0.insert($1) }
        }
        #expect(found.count == 1)
        unlink(path)
        #expect(rmdir(directory) == 0, "the directory is empty again")
    }
}
