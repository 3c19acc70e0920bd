#if os(Linux)
    import Foundation
    import Glibc

    /// The memory of this process as a core dump would show it, and the search for a secret in it.
    enum MemoryDump {
        /// Writes all memory that may be written, but for pages that are left out of dumps.
        static func write(to path: String) throws {
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            guard file >= 0 else { throw Failure(number: errno) }
            defer { close(file) }
            for region in try self.regions() {
                // What has no page behind it, such as a guard, cannot be read: the rest of the region can.
                for page in stride(from: region.lowerBound, to: region.upperBound, by: 4_096) {
                    if Glibc.write(file, UnsafeRawPointer(bitPattern: page), 4_096) < 0, errno != EFAULT {
                        throw Failure(number: errno)
                    }
                }
            }
        }

        /// Where any eight bytes in a row of a secret are in a dump.
        static func places(of secret: [UInt8], in path: String) throws -> [Int] {
            var windows: Set<UInt64> = []
            for start in 0...(secret.count - 8) {
                windows.insert(secret[start..<(start + 8)].reduce(0) { $0 << 8 | UInt64($1) })
            }
            var ends = [Bool](repeating: false, count: 1 << 16)
            for window in windows { ends[Int(window & 0xffff)] = true }
            let dump = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
            return dump.withUnsafeBytes { dump in
                var places: [Int] = []
                var window: UInt64 = 0
                var offset = 0
                while offset < dump.count {
                    window = window << 8 | UInt64(dump[offset])
                    if ends[Int(window & 0xffff)], windows.contains(window) { places.append(offset - 7) }
                    offset += 1
                }
                return places
            }
        }

        /// Writable memory that is not left out of dumps (`dd` in proc(5)).
        private static func regions() throws -> [Range<UInt>] {
            var regions: [Range<UInt>] = []
            var region: Range<UInt>?
            for line in try self.text(of: "/proc/self/smaps").split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.first == "VmFlags:" {
                    if let region, !words.contains("dd") { regions.append(region) }
                } else if let ends = words.first?.split(separator: "-"), ends.count == 2,
                    let start = UInt(ends[0], radix: 16), let end = UInt(ends[1], radix: 16)
                {
                    region = words[1].contains("w") ? start..<end : nil
                }
            }
            return regions
        }

        /// A file of the system's, which has no length and comes page by page.
        private static func text(of path: String) throws -> String {
            let file = open(path, O_RDONLY)
            guard file >= 0 else { throw Failure(number: errno) }
            defer { close(file) }
            var bytes: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = read(file, &part, part.count), count != 0 {
                guard count > 0 else { throw Failure(number: errno) }
                bytes += part[..<count]
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        struct Failure: Error {
            let number: CInt
        }
    }
#endif
