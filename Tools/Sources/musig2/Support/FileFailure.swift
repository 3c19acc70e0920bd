import Foundation

/// Why something with a file failed, in the words of the system: those of Foundation often say nothing.
enum FileFailure {
    /// The text of `errno`.
    static func reason() -> String { String(cString: strerror(errno)) }
}
