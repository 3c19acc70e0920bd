#if os(Linux)
    import Glibc

    /// The memory of this process as a core dump would show it.
    enum CoreDump {
        /// Writes what the kernel would put into a core: all memory that may be written, but for pages that are left out of
        /// dumps.
        static func write(to path: String) throws {
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            guard file >= 0 else { throw Failure(errno) }
            defer { close(file) }
            for region in try regions() where region.isWritable && !region.flags.contains("dd") {
                // What has no page behind it, such as a guard, cannot be read: the rest of the region can.
                var offset = 0
                while offset < region.byteCount {
                    let count = min(region.byteCount - offset, 1 << 12)
                    if Glibc.write(file, UnsafeRawPointer(bitPattern: region.start + UInt(offset)), count) < 0,
                        errno != EFAULT
                    {
                        throw Failure(errno)
                    }
                    offset += count
                }
            }
        }

        /// The flags of the memory region that holds an address, as in proc(5): `dd` is left out of dumps, `wf` wiped on
        /// fork, `lo` locked.
        static func flags(at address: UnsafeRawPointer) throws -> Set<String> {
            let address = UInt(bitPattern: address)
            let region = try regions().first { $0.start <= address && address - $0.start < UInt($0.byteCount) }
            return region?.flags ?? []
        }

        private struct Region {
            let start: UInt
            let byteCount: Int
            let isWritable: Bool
            var flags: Set<String> = []
        }

        private static func regions() throws -> [Region] {
            var regions: [Region] = []
            for line in try text(of: "/proc/self/smaps").split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.first == "VmFlags:" {
                    if !regions.isEmpty { regions[regions.count - 1].flags = Set(words.dropFirst().map(String.init)) }
                } else if let range = words.first?.split(separator: "-"), range.count == 2,
                    let start = UInt(range[0], radix: 16), let end = UInt(range[1], radix: 16)
                {
                    regions.append(
                        Region(start: start, byteCount: Int(end - start), isWritable: words[1].contains("w")))
                }
            }
            return regions
        }

        /// A file of the system's, which has no length and comes page by page.
        private static func text(of path: String) throws -> String {
            let file = open(path, O_RDONLY)
            guard file >= 0 else { throw Failure(errno) }
            defer { close(file) }
            var bytes: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = read(file, &part, part.count), count != 0 {
                guard count > 0 else { throw Failure(errno) }
                bytes += part[..<count]
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        struct Failure: Error {
            let number: CInt

            init(_ number: CInt) {
                self.number = number
            }
        }
    }
#endif
