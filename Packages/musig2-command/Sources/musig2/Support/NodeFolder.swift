import Foundation
import PeerNode
import PeerTransport
import PeerTransportNIO

/// What `musig2 node` keeps in a folder of its own inside the home folder: its identity, the peers it knows, the port it
/// had, and the socket at which it tells its status.
///
/// The identity is not the one of the signer in the same home: a node's stands in the bootstrap lists of others for
/// years, and would tie sessions to it.
struct NodeFolder {
    let path: String

    init(of home: HomeOptions) {
        path = home.folder.appendingPathComponent("node", isDirectory: true).path
    }

    /// The name of the socket in the folder.
    static let socket = "status"

    /// Where the node keeps the peers it knows.
    var peerFile: String { "\(path)/peers" }

    private var identityFile: String { "\(path)/identity" }
    private var portFile: String { "\(path)/port" }

    /// Makes the folder if there is none, and keeps it until the process ends.
    ///
    /// - Returns: The identity in it, a new one at first.
    /// - Throws: ``Failure`` when another node runs in it, or it cannot be made.
    func open(_ home: HomeOptions) throws(Failure) -> NodeIdentity {
        try HomeOptions.makeFolder(path)
        let identity: NodeIdentity
        do throws(TransportError) {
            identity = try NodeIdentity.loadOrCreate(at: identityFile)
        } catch {
            throw Failure.file(error)
        }
        guard !ProcessLock.isHeldByAnother(identityFile) else {
            throw Failure(
                .file, "a node runs in \(home.folder.path) already",
                hint: "See it with `musig2 node status`, or name another folder with --home.")
        }
        return identity
    }

    /// The port at which the node listened last; nil at first.
    var port: UInt16? {
        guard let text = try? String(contentsOfFile: portFile, encoding: .ascii) else { return nil }
        return UInt16(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Remembers the port, so that the addresses that others have stay true.
    func remember(port: UInt16) throws(Failure) {
        do {
            try Data("\(port)\n".utf8).write(to: URL(fileURLWithPath: portFile), options: .atomic)
        } catch {
            throw Failure(.file, "cannot write \(portFile): \(FileFailure.reason())")
        }
    }
}

/// A file that one process holds as long as it lives.
enum ProcessLock {
    /// Whether another process holds the file. If none does, this one holds it from now on until it ends.
    ///
    /// A file that cannot be locked counts as free.
    static func isHeldByAnother(_ path: String) -> Bool {
        // Never closed: the lock goes with it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        return descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
