import Foundation
import MuSig2Coordination
import MuSig2Session
import Multiformats

/// A session that this process takes part in with the key of its home: no other process of the home does meanwhile, since
/// both would make nonces for one key, and the other signers would see a signer that contradicts itself.
///
/// It is a file of the session's name in the home, which a process holds as long as it lives. In it stand the addresses of the
/// other signers, an invitation for each, so that the session can be joined again after a kill, also by its creator. Removed
/// when the session is over.
final class SessionClaim: Sendable {
    private let path: String
    private let descriptor: CInt
    private let session: SessionID

    /// Claims a session for this process.
    ///
    /// - Throws: ``Failure`` when another process of this home is in the session, or there can be no file.
    init(_ session: SessionID, in home: HomeOptions) throws(Failure) {
        self.session = session
        try home.makeFolder()
        try HomeOptions.makeFolder(home.sessionsFolder)
        Self.prune(home.sessionsFolder)
        path = Self.file(of: session, home)
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else {
                throw Failure(.file, "cannot write \(path): \(FileFailure.reason())")
            }
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
                close(descriptor)
                throw Failure(
                    .file, "another musig2 is in this session with this key already (\(home.folder.path))",
                    hint:
                        "It goes on in the terminal where it was begun; if it is stopped there (Ctrl-Z), with `fg`. Here nothing "
                        + "was done.")
            }
            // The process that held it before may have removed it meanwhile.
            var (held, named) = (stat(), stat())
            if fstat(descriptor, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    /// Writes where the other signers are. What cannot be written is missed only when the session is joined again.
    func remember(_ signers: [[Multiaddr]]) {
        let lines = signers.prefix(Self.mostSigners).map {
            SessionInvitation(session: session, addresses: $0).description
        }
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        guard bytes.count <= Self.mostBytes, ftruncate(descriptor, 0) == 0 else { return }
        _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// Lets another process have the session.
    ///
    /// - Parameter isOver: Whether it cannot be joined again; the addresses go then.
    func letGo(isOver: Bool) {
        var status = stat()
        if isOver || fstat(descriptor, &status) == 0 && status.st_size == 0 { unlink(path) }
        close(descriptor)
    }

    /// The addresses of the other signers of a session, as a process of the home wrote them; none if none did.
    static func addresses(of session: SessionID, in home: HomeOptions) -> [[Multiaddr]] {
        let descriptor = open(file(of: session, home), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: mostBytes)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        // A line that a power cut has cut off is none.
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).split(separator: "\n").prefix(mostSigners)
            .compactMap { SessionInvitation(String($0)) }.filter { $0.session == session }.map(\.addresses)
    }

    /// The most signers of which the addresses are kept: one of them is enough to join again.
    static let mostSigners = 16
    /// The most bytes of a file.
    private static let mostBytes = 65_536
    /// The most files that processes without an end may leave behind.
    private static let mostFiles = 256

    private static func file(of session: SessionID, _ home: HomeOptions) -> String {
        "\(home.sessionsFolder)/\(session)"
    }

    /// Removes the files that no process holds of sessions that are over by now, and the oldest of too many.
    private static func prune(_ folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let files = names.compactMap { name -> (path: String, time: Int)? in
            var status = stat()
            guard lstat("\(folder)/\(name)", &status) == 0 else { return nil }
            return ("\(folder)/\(name)", status.modified)
        }.sorted { $0.time > $1.time }
        let oldest = Int(Date().timeIntervalSince1970) - Seconds.longest
        for (place, file) in files.enumerated() where place >= mostFiles || file.time < oldest {
            let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(file.path) }
            close(descriptor)
        }
    }
}

extension stat {
    /// When the file was written last, in seconds since 1970.
    fileprivate var modified: Int {
        #if os(Linux)
            st_mtim.tv_sec
        #else
            st_mtimespec.tv_sec
        #endif
    }
}
