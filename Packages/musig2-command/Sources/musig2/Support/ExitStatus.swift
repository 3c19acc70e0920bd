import ArgumentParser

/// How the command ends. The numbers are part of the interface: scripts may rely on them.
enum ExitStatus: Int32 {
    /// Something went wrong that has no number of its own.
    case failure = 1
    /// A file could not be read or written, or holds something else than it should.
    case file = 2
    /// The person said no, or could not be asked.
    case refused = 3
    /// The session ended without a signature.
    case sessionFailed = 4
    /// The session expired, or nobody came or was found in time.
    case expired = 5
    /// The network: a port in use, a peer that cannot be reached or is not what it should be.
    case network = 6
    /// What was to be checked is well-formed and false: a signature that is not valid.
    case invalid = 7
    /// The passphrase of the key is wrong, or there is none.
    case passphrase = 8
    /// It is signed, and not all signers that rely on this one for the signature could be told.
    case undelivered = 9
    /// Malformed input: the words of the command line, a key, an invitation, a signature that is none.
    case usage = 64
    /// Ended by Ctrl-C.
    case interrupted = 130

    /// The same as the argument parser's way to leave.
    var code: ExitCode { ExitCode(rawValue) }
}

/// A failure with what happened, what to do next, and the exit status.
struct Failure: Error, CustomStringConvertible {
    /// The exit status.
    let status: ExitStatus
    /// What happened.
    let message: String
    /// What the person can do next.
    let hint: String?

    /// Makes a failure. Whatever in its words is somebody else's is made harmless here, so that every output may print it.
    ///
    /// - Parameters:
    ///   - status: The exit status.
    ///   - message: What happened, in one line.
    ///   - hint: What the person can do next; may have several lines.
    init(_ status: ExitStatus, _ message: String, hint: String? = nil) {
        self.status = status
        self.message = VisibleText.line(message)
        self.hint = hint.map { hint in
            hint.split(separator: "\n", omittingEmptySubsequences: false).map { VisibleText.line(String($0)) }
                .joined(separator: "\n")
        }
    }

    var description: String {
        hint.map { "\(message)\n\($0)" } ?? message
    }
}
