public import PeerTransport
public import Secp256k1

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A small file that only its owner may read, made in one step: for keys and whatever else others must not reach.
///
/// What is read is a regular file of this process's user that nobody else may read or write; a pipe or a device in its place
/// is refused at once.
public struct PrivateFile: Sendable {
    /// Where the file is. Its directory must be there.
    public let path: String
    /// What it is, for errors: `identity file`.
    public let kind: String
    /// The code of errors.
    public let code: TransportError.Code
    /// What others may have done to it that could reach it, for errors: `read the key`.
    public let exposure: String
    /// The largest file that is read, in bytes.
    public let maximumBytes: Int

    /// Names a file; nothing is looked at yet.
    ///
    /// - Parameters:
    ///   - path: Where the file is. Its directory must be there.
    ///   - kind: What it is, for errors: `key file`.
    ///   - code: The code of errors.
    ///   - exposure: What others may have done to it that could reach it, for errors: `read the key`.
    ///   - maximumBytes: The largest file that is read, in bytes.
    public init(
        path: String,
        kind: String,
        code: TransportError.Code = .privateFile,
        exposure: String,
        maximumBytes: Int
    ) {
        self.path = path
        self.kind = kind
        self.code = code
        self.exposure = exposure
        self.maximumBytes = maximumBytes
    }

    /// Reads the file, and refuses one that others could have read or written.
    ///
    /// - Returns: Its bytes, or nil when there is no such file.
    /// - Throws: `TransportError` with ``code``, which names the file and the system's reason.
    public func read() throws(TransportError) -> [UInt8]? {
        guard let file = try openToRead() else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: try byteCount(of: file))
        let filled = try bytes.withUnsafeMutableBytes { bytes -> Result<Int, TransportError> in
            do throws(TransportError) {
                return .success(try fill(bytes, from: file))
            } catch {
                return .failure(error)
            }
        }.get()
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Reads the file as ``read()``, into memory that is wiped.
    ///
    /// - Returns: Its bytes, or nil when there is no such file.
    /// - Throws: `TransportError` with ``code``.
    public func readSecret() throws(TransportError) -> SecretBytes? {
        guard let file = try openToRead() else { return nil }
        defer { close(file) }
        var bytes = SecretBytes(byteCount: try byteCount(of: file))
        let filled = try bytes.withUnsafeMutableBytes { (bytes) throws(TransportError) in try fill(bytes, from: file) }
        return bytes.withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<filled])) }
    }

    /// - Returns: nil when there is no such file.
    private func openToRead() throws(TransportError) -> Int32? {
        // Not blocking, so that a pipe in the place of the file does not hang the caller.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            let code = errno
            if code == ENOENT { return nil }
            throw failure("cannot open", path, code)
        }
        return file
    }

    /// How much memory to read the file into: a byte more than it may have, so that more is noticed.
    private func byteCount(of file: Int32) throws(TransportError) -> Int {
        min(try check(file), maximumBytes) + 1
    }

    /// Reads to the end of the file.
    ///
    /// - Returns: How many bytes there are, at least one and fewer than there is room for.
    private func fill(_ bytes: UnsafeMutableRawBufferPointer, from file: Int32) throws(TransportError) -> Int {
        var filled = 0
        while filled < bytes.count {
            #if canImport(Darwin)
                let count = Darwin.read(file, bytes.baseAddress?.advanced(by: filled), bytes.count - filled)
            #else
                let count = Glibc.read(file, bytes.baseAddress?.advanced(by: filled), bytes.count - filled)
            #endif
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw failure("cannot read", path, code)
            }
            if count == 0 { break }
            filled += count
        }
        guard filled > 0, filled < bytes.count else {
            throw TransportError(
                self.code,
                "\(kind) \(path): expected 1 to \(maximumBytes) bytes, found \(filled == 0 ? "none" : "more")"
            )
        }
        return filled
    }

    /// Makes the file with mode 0600, whole or not at all, also after a power cut.
    ///
    /// - Parameter bytes: What it is to hold.
    /// - Returns: False when there is a file of this name already, which is left as it is.
    /// - Throws: `TransportError` with ``code``.
    public func create(_ bytes: borrowing SecretBytes) throws(TransportError) -> Bool {
        let temporary = try bytes.withUnsafeBytes { (bytes) throws(TransportError) in try writeTemporary(bytes) }
        defer { unlink(temporary) }
        // A hard link is refused where the name exists, unlike a rename: two processes that start at once get one
        // identity.
        guard link(temporary, path) == 0 else {
            let code = errno
            if code == EEXIST { return false }
            throw failure("cannot create", path, code)
        }
        Self.syncDirectory(of: path)
        return true
    }

    /// Puts the file in the place of the one that is there, if any; after a power cut it is the old or the new one.
    ///
    /// - Parameter bytes: What it is to hold.
    /// - Throws: `TransportError` with ``code``.
    public func replace(_ bytes: [UInt8]) throws(TransportError) {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(TransportError) in try replace(bytes) }
    }

    /// The same with a secret, which is copied nowhere but into the file.
    ///
    /// - Parameter bytes: What it is to hold.
    /// - Throws: `TransportError` with ``code``.
    public func replace(_ bytes: borrowing SecretBytes) throws(TransportError) {
        try bytes.withUnsafeBytes { (bytes) throws(TransportError) in try replace(bytes) }
    }

    private func replace(_ bytes: UnsafeRawBufferPointer) throws(TransportError) {
        // Behind a symbolic link the old secret would stay where it is.
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK {
            throw TransportError(code, "\(path) is a symbolic link: name the file itself")
        }
        let temporary = try writeTemporary(bytes)
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw failure("cannot replace", path, code)
        }
        Self.syncDirectory(of: path)
    }

    private func writeTemporary(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> String {
        let temporary = "\(path).\(UInt64.random(in: .min ... .max)).tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("cannot create", temporary, errno) }
        do throws(TransportError) {
            try write(bytes, to: file, temporary)
        } catch {
            close(file)
            unlink(temporary)
            throw error
        }
        close(file)
        return temporary
    }

    /// - Returns: How many bytes the file has.
    private func check(_ file: Int32) throws(TransportError) -> Int {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("cannot look at", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TransportError(code, "\(kind) \(path): expected a regular file")
        }
        guard status.st_uid == geteuid() else {
            throw TransportError(
                code,
                "\(kind) \(path): expected owner \(geteuid()), found \(status.st_uid)"
            )
        }
        let mode = status.st_mode & 0o777
        guard mode & 0o077 == 0 else {
            throw TransportError(
                code,
                "\(kind) \(path): expected mode 600, found \(String(mode, radix: 8)): "
                    + "others may have \(exposure); "
                    + "if they cannot have, run: chmod 600 '\(path)'"
            )
        }
        return Int(clamping: status.st_size)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, _ path: String) throws(TransportError) {
        var written = 0
        while written < bytes.count {
            #if canImport(Darwin)
                let count = Darwin.write(file, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            #else
                let count = Glibc.write(file, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            #endif
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

    private func failure(_ what: String, _ path: String, _ number: Int32) -> TransportError {
        TransportError(code, "\(kind): \(what) \(path)", underlying: String(cString: strerror(number)))
    }
}
