#if os(Linux)
    import Foundation
    import Glibc

    /// Runs code on a stack of its own, and looks at what it left there: the dead stack, which no frame owns any more.
    enum OwnStack {
        private static let byteCount = 512 << 10

        /// What is on the stack after `body` has returned and its thread has ended.
        static func left(by body: @escaping () -> Void) throws -> [UInt8] {
            let stack = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 1 << 16)
            defer { stack.deallocate() }
            stack.initializeMemory(as: UInt8.self, repeating: 0)
            var attributes = pthread_attr_t()
            try check(pthread_attr_init(&attributes))
            defer { pthread_attr_destroy(&attributes) }
            try check(pthread_attr_setstack(&attributes, stack.baseAddress, stack.count))
            var thread = pthread_t()
            let work = Unmanaged.passRetained(Work(body))
            let status = pthread_create(
                &thread, &attributes,
                { work in
                    if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
                    return nil
                }, work.toOpaque())
            if status != 0 { work.release() }
            try check(status)
            try check(pthread_join(thread, nil))
            return Array(stack)
        }

        private static func check(_ status: CInt) throws {
            guard status == 0 else { throw SystemFailure(status: status) }
        }

        struct SystemFailure: Error {
            let status: CInt
        }

        private final class Work {
            let body: () -> Void

            init(_ body: @escaping () -> Void) {
                self.body = body
            }
        }
    }

    /// Looks for secrets in memory: eight bytes in a row of any of them, as they are or in the other order.
    struct SecretSearch {
        private var windows: [UInt64: String] = [:]
        /// Which pairs of bytes a window ends in: most memory is passed over quickly.
        private var ends = [Bool](repeating: false, count: 1 << 16)

        /// - Parameter secrets: What to look for, with names for it.
        init(_ secrets: [String: [UInt8]]) {
            for (name, bytes) in secrets {
                for (order, bytes) in [("", bytes), (" (little-endian)", bytes.reversed())] {
                    for start in 0...(bytes.count - 8) {
                        let window = bytes[start..<(start + 8)].reduce(0 as UInt64) { $0 >> 8 | UInt64($1) << 56 }
                        guard window != 0 else { continue }
                        ends[Int(window >> 48)] = true
                        windows[window] = "bytes \(start)... of \(name)\(order)"
                    }
                }
            }
        }

        /// What was found, each with how many bytes it lies below the end of the memory; of windows that overlap the first.
        func findings(in memory: some ContiguousBytes) -> [String] {
            memory.withUnsafeBytes { memory in
                var found: [String] = []
                var window: UInt64 = 0
                var last = Int.min
                var offset = 0
                while offset < memory.count {
                    window = window >> 8 | UInt64(memory[offset]) << 56
                    if offset >= 7, ends[Int(window >> 48)], let name = windows[window] {
                        if offset != last &+ 1 {
                            found.append("\(name), \(memory.count - offset + 7) bytes below the top")
                        }
                        last = offset
                    }
                    offset += 1
                }
                return found
            }
        }
    }
#endif
