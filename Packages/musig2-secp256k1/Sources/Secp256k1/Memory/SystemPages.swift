import CSecp256k1

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the system does with whole pages of memory.
enum SystemPages {
    /// The size of a page.
    static let byteCount = Swift.max(Int(sysconf(Int32(_SC_PAGESIZE))), 4_096)

    /// Fresh pages, all zeros, from `byteCount` on rounded up.
    ///
    /// - Returns: nil if the system has none.
    static func map(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
        let (padded, overflow) = byteCount.addingReportingOverflow(SystemPages.byteCount - 1)
        guard !overflow else { return nil }
        let rounded = padded / SystemPages.byteCount * SystemPages.byteCount
        let flags = MAP_PRIVATE | MAP_ANON
        let base = mmap(nil, rounded, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let base, base != MAP_FAILED else { return nil }
        return UnsafeMutableRawBufferPointer(start: base, count: rounded)
    }

    /// Gives pages back.
    static func unmap(_ pages: UnsafeMutableRawBufferPointer) {
        guard let base = pages.baseAddress else { return }
        munmap(base, pages.count)
    }

    /// Keeps pages in memory: they are never written to swap.
    ///
    /// - Returns: False if the system refuses, as a rule because of RLIMIT_MEMLOCK.
    static func lock(_ pages: UnsafeMutableRawBufferPointer) -> Bool {
        guard let base = pages.baseAddress else { return true }
        return mlock(base, pages.count) == 0
    }

    /// Keeps pages out of core dumps.
    ///
    /// - Returns: False if the system cannot.
    static func leaveOutOfDumps(_ pages: UnsafeMutableRawBufferPointer) -> Bool {
        #if os(Linux)
            return advise(pages, MADV_DONTDUMP)
        #else
            return false
        #endif
    }

    /// Makes a forked child find zeros in place of what the pages hold.
    ///
    /// - Returns: False if the system cannot.
    static func wipeInForkedChild(_ pages: UnsafeMutableRawBufferPointer) -> Bool {
        #if os(Linux)
            return advise(pages, MADV_WIPEONFORK)
        #else
            return false
        #endif
    }

    /// How many bytes a process without privileges may lock: RLIMIT_MEMLOCK; nil if there is no limit.
    static var lockLimit: Int? {
        let limit = memory_lock_limit()
        return limit == .max ? nil : Int(limit)
    }

    #if os(Linux)
        private static func advise(_ pages: UnsafeMutableRawBufferPointer, _ advice: some BinaryInteger) -> Bool {
            guard let base = pages.baseAddress else { return true }
            return madvise(base, pages.count, Int32(advice)) == 0
        }
    #endif
}
