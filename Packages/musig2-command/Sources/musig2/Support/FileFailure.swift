import Foundation
import PeerTransport

/// Why something with a file failed, in the words of the system: those of Foundation often say nothing.
enum FileFailure {
    /// The text of `errno`.
    static func reason() -> String { String(cString: strerror(errno)) }
}

extension Failure {
    /// A failure of a private file, with the system's reason.
    static func file(_ error: TransportError) -> Failure {
        Failure(.file, error.underlying.map { "\(error.message): \($0)" } ?? error.message)
    }
}
