import CMalloc
import Foundation

#if canImport(Glibc)
    import Glibc

    /// What this process has of the machine's memory.
    struct Memory {
        struct Failure: Error, CustomStringConvertible {
            var description: String
        }

        /// Bytes in use on the heap, those of all threads together.
        var heap: Int
        /// Bytes in physical memory.
        var resident: Int

        /// The memory once what still comes has come, and free pages are given back.
        static func settled() async throws -> Memory {
            // Peers tell each other that they are done within a fraction of a second.
            try await Task.sleep(for: .seconds(1))
            malloc_trim(0)
            let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            guard fields.count > 1, let pages = Int(fields[1]) else {
                throw Failure(description: "/proc/self/statm: expected numbers, found \(fields)")
            }
            return Memory(heap: try self.heapInUse(), resident: pages * Int(getpagesize()))
        }

        /// From the C library's own account of all its arenas; `mallinfo2` tells of the main thread's alone.
        private static func heapInUse() throws -> Int {
            var text: UnsafeMutablePointer<CChar>?
            var count = 0
            guard let stream = open_memstream(&text, &count) else {
                throw Failure(description: "open_memstream failed")
            }
            let result = malloc_info(0, stream)
            fclose(stream)
            defer { free(text) }
            guard result == 0, let text else { throw Failure(description: "malloc_info failed") }
            // The sums stand behind the last arena.
            let sums = String(cString: text).components(separatedBy: "</heap>").last ?? ""
            func size(_ element: String) throws -> Int {
                guard let tag = sums.firstRange(of: "<" + element),
                    let attribute = sums[tag.upperBound...].firstRange(of: "size=\""),
                    let number = Int(sums[attribute.upperBound...].prefix { $0.isNumber })
                else { throw Failure(description: "malloc_info: expected <\(element) size=…>, found \(sums)") }
                return number
            }
            return try size("system type=\"current\"") + size("total type=\"mmap\"") - size("total type=\"fast\"")
                - size("total type=\"rest\"")
        }
    }
#endif
