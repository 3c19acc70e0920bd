/// The memory in which all secrets of this process live: ``SecretBytes``, ``SecretKey``, ``SecretScalar``.
///
/// It lies in pages of its own, always. ``protect()`` has the system treat these pages as secret; a library cannot do
/// more than that. A crash report that shows the memory near registers, a core dump of a system without
/// `MADV_DONTDUMP`, a debugger, and swap where pages cannot be locked are the program's and the system's affair.
public enum SecretMemory {
    /// From now on, has the system lock the pages of secrets into memory, leave them out of core dumps, and give a forked
    /// child zeros in their place: those that there are and those to come. Where the system has no such thing, or
    /// refuses, the program goes on without it, and the report says so.
    ///
    /// For the whole process and for good; a second call does nothing but report. Call it before the first secret is
    /// made. A secret that lives is a secret of this process only: a forked child must not use it.
    ///
    /// - Returns: What the system does.
    @discardableResult
    public static func protect() -> Protection {
        SecretPages.shared.protect()
        return protection
    }

    /// What the system does for the pages of secrets at this moment.
    public static var protection: Protection {
        SecretPages.shared.protection
    }

    /// What the system does for the pages of secrets.
    public struct Protection: Sendable, Hashable, CustomStringConvertible {
        /// How many bytes of pages there are for secrets.
        public let byteCount: Int

        /// How many of them stay in memory and are never written to swap (`mlock`).
        public let lockedByteCount: Int

        /// How many bytes of secrets had to be put elsewhere since the process began, because the system had no pages.
        public let strayByteCount: Int

        /// Whether core dumps leave the pages out (`MADV_DONTDUMP`: Linux).
        public let isLeftOutOfDumps: Bool

        /// Whether a forked child finds zeros in place of secrets (`MADV_WIPEONFORK`: Linux 4.14).
        public let isWipedInForkedChild: Bool

        /// How many bytes a process without privileges may lock in all, RLIMIT_MEMLOCK; nil if there is no limit.
        public let lockLimit: Int?

        /// Whether all pages are locked.
        public var isLocked: Bool {
            lockedByteCount == byteCount && byteCount > 0
        }

        /// One sentence for a log.
        public var description: String {
            let limit = lockLimit.map { " (RLIMIT_MEMLOCK is \($0) bytes)" } ?? ""
            let locked =
                isLocked
                ? "locked" : "\(byteCount - lockedByteCount) bytes not locked into memory\(limit)"
            let dumps = isLeftOutOfDumps ? "not in core dumps" : "in core dumps"
            let forks = self.isWipedInForkedChild ? "not in forked children" : "in forked children"
            let stray = strayByteCount > 0 ? ", \(strayByteCount) bytes elsewhere" : ""
            return "secret memory: \(byteCount) bytes, \(locked), \(dumps), \(forks)\(stray)"
        }
    }
}
