import PeerTransport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A small file that only its owner may read, made in one step.
enum PrivateFile {
    /// The largest file that is read, in bytes.
    static let maximumBytes = 4096

    /// Reads a file, and refuses one that others could have read or written.
    ///
    /// - Returns: Its bytes, or nil when there is no such file.
    static func read(_ path: String) throws(TransportError) -> [UInt8]? {
        // Not blocking, so that a pipe in the place of the file does not hang the caller.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            let code = errno
            if code == ENOENT { return nil }
            throw failure("cannot open", path, code)
        }
        defer { close(file) }
        try check(file, path)
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                #if canImport(Darwin)
                    Darwin.read(file, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
                #else
                    Glibc.read(file, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
                #endif
            }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw failure("cannot read", path, code)
            }
            if count == 0 { break }
            filled += count
        }
        guard (1...maximumBytes).contains(filled) else {
            throw TransportError(
                .identityFile,
                "identity file \(path): expected 1 to \(maximumBytes) bytes, found \(filled == 0 ? "none" : "more")"
            )
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Makes a file with mode 0600 that is there whole or not at all, also after a power cut.
    ///
    /// - Returns: False when there is a file of this name already, which is left as it is.
    static func create(_ path: String, _ bytes: [UInt8]) throws(TransportError) -> Bool {
        let temporary = "\(path).\(UInt64.random(in: .min ... .max)).tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("cannot create", temporary, errno) }
        defer { unlink(temporary) }
        do throws(TransportError) {
            try write(bytes, to: file, temporary)
        } catch {
            close(file)
            throw error
        }
        close(file)
        // A hard link is refused where the name exists, unlike a rename: two processes that start at once get one
        // identity.
        guard link(temporary, path) == 0 else {
            let code = errno
            if code == EEXIST { return false }
            throw failure("cannot create", path, code)
        }
        syncDirectory(of: path)
        return true
    }

    private static func check(_ file: Int32, _ path: String) throws(TransportError) {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("cannot look at", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TransportError(.identityFile, "identity file \(path): expected a regular file")
        }
        guard status.st_uid == geteuid() else {
            throw TransportError(
                .identityFile,
                "identity file \(path): expected owner \(geteuid()), found \(status.st_uid)"
            )
        }
        let mode = status.st_mode & 0o777
        guard mode & 0o077 == 0 else {
            throw TransportError(
                .identityFile,
                "identity file \(path): expected mode 600, found \(String(mode, radix: 8)): "
                    + "others may have read the key; "
                    + "if they cannot have, run: chmod 600 '\(path)'"
            )
        }
    }

    private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(TransportError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                #if canImport(Darwin)
                    Darwin.write(file, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                #else
                    Glibc.write(file, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                #endif
            }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw failure("cannot write", path, code)
            }
            written += count
        }
        guard fsync(file) == 0 else { throw failure("cannot write", path, errno) }
    }

    /// Makes the new name last. Not every file system can, and then there is nothing better to do.
    private static func syncDirectory(of path: String) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let file = open(directory, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        fsync(file)
        close(file)
    }

    private static func failure(_ what: String, _ path: String, _ code: Int32) -> TransportError {
        TransportError(.identityFile, "identity file: \(what) \(path)", underlying: String(cString: strerror(code)))
    }
}
