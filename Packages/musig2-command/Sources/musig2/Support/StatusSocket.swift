import Foundation
import Synchronization

/// A Unix socket in a folder at which a process tells its status: a process that connects is sent one text, and hung up on.
///
/// The name is given to the system relative to the folder, since the path of a socket has room for some hundred bytes
/// only, and a home folder may be deeper.
enum StatusSocket {
    /// Tells the status to every process that asks, on a thread of its own, until the process ends.
    ///
    /// A socket that a process left behind is replaced: the caller has made sure that no other process lives.
    ///
    /// - Parameters:
    ///   - name: The name of the socket.
    ///   - folder: The folder, which only its owner may enter.
    ///   - status: What to tell, asked for each time.
    /// - Throws: ``Failure`` when there can be no socket in the folder.
    static func serve(_ name: String, in folder: String, _ status: @escaping @Sendable () -> String) throws(Failure) {
        let listener = socket(AF_UNIX, stream, 0)
        _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
        let isBound = inFolder(folder) {
            unlink(name)
            return withAddress(name) { bind(listener, $0, $1) } == 0 && chmod(name, 0o600) == 0
                && listen(listener, 8) == 0
        }
        guard isBound else {
            let reason = FileFailure.reason()
            close(listener)
            throw Failure(.file, "cannot make the socket \(folder)/\(name): \(reason)")
        }
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                if client >= 0 {
                    send(status(), to: client)
                    close(client)
                } else if errno != EINTR && errno != ECONNABORTED {
                    // Out of file descriptors, most likely: it may get better.
                    usleep(100_000)
                }
            }
        }
    }

    /// Removes the socket.
    static func remove(_ name: String, in folder: String) {
        unlink("\(folder)/\(name)")
    }

    /// Asks for the status.
    ///
    /// - Parameters:
    ///   - name: The name of the socket.
    ///   - folder: The folder.
    /// - Returns: What was told, or nil when no process tells anything there.
    /// - Throws: ``Failure`` when a process is there and does not tell, or the socket belongs to another user.
    static func ask(_ name: String, in folder: String) throws(Failure) -> String? {
        let client = socket(AF_UNIX, stream, 0)
        defer { close(client) }
        // A process that is stopped takes connections and never says anything.
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = inFolder(folder) { withAddress(name) { connect(client, $0, $1) } == 0 }
        guard isConnected else {
            // No folder, no socket, or one that a process left behind.
            if [ENOENT, ENOTDIR, ECONNREFUSED].contains(errno) { return nil }
            throw Failure(.file, "cannot ask at \(folder)/\(name): \(FileFailure.reason())")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while bytes.count <= longest {
            let count = chunk.withUnsafeMutableBytes { read(client, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                let reason = errno == EAGAIN ? "nothing came within \(patience) s" : FileFailure.reason()
                throw Failure(
                    .failure, "the process at \(folder)/\(name) does not answer: \(reason)",
                    hint: "Is it stopped? End it, and start it again.")
            }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk.prefix(count)
        }
        throw Failure(.failure, "the process at \(folder)/\(name) said more than \(longest) bytes")
    }

    /// How long to wait for an answer, in seconds.
    private static let patience = 5
    /// The longest answer that is read, in bytes.
    private static let longest = 1 << 20

    #if os(Linux)
        private static let stream = Int32(SOCK_STREAM.rawValue)
    #else
        private static let stream = SOCK_STREAM
    #endif

    /// Writes a text; a process that does not read it in time misses the rest.
    private static func send(_ text: String, to client: Int32) {
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let count = write(client, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Does something in a folder, and comes back. Only for the beginning of a command: the folder is that of all threads.
    private static func inFolder(_ folder: String, _ body: () -> Bool) -> Bool {
        oneAtATime.withLock { _ in visit(folder, body) }
    }

    private static let oneAtATime = Mutex(())

    /// As ``inFolder(_:_:)``; `errno` is that of the first thing that failed.
    private static func visit(_ folder: String, _ body: () -> Bool) -> Bool {
        let here = open(".", O_RDONLY | O_CLOEXEC)
        guard chdir(folder) == 0 else {
            let reason = errno
            if here >= 0 { close(here) }
            errno = reason
            return false
        }
        let isDone = body()
        let reason = errno
        if here >= 0 {
            _ = fchdir(here)
            close(here)
        }
        errno = reason
        return isDone
    }

    private static func withAddress(_ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            // Zeros follow.
            path.copyBytes(from: name.utf8.prefix(path.count - 1))
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
