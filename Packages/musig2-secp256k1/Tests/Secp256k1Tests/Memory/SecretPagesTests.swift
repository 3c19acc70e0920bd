import Foundation
import Testing

@testable import Secp256k1

@Suite("Pages of secrets")
struct SecretPagesTests {
    /// Any secret at any time: none overlaps another, each begins as zeros, and what is given back is used again.
    @Test func secretsDoNotOverlapAndPagesAreUsedAgain() throws {
        let seed: UInt64 = 41
        var random = SeededGenerator(seed: seed)
        let pages = SecretPages()
        var live: [(slot: SecretPages.Slot, byteCount: Int, mark: UInt8)] = []
        func release(_ index: Int) {
            let (slot, byteCount, mark) = live.remove(at: index)
            let memory = UnsafeMutableRawBufferPointer(start: slot.address, count: byteCount)
            #expect(memory.allSatisfy { $0 == mark }, "seed \(seed)")
            SecretBytes.wipe(memory)
            pages.release(slot)
        }
        for turn in 0..<4_000 {
            // Swells for 500 turns, then shrinks.
            if !live.isEmpty, Int.random(in: 0..<10, using: &random) < (turn / 500 % 2 == 0 ? 3 : 7) {
                release(Int.random(in: 0..<live.count, using: &random))
                continue
            }
            let sizes = [1, 32, 33, 64, 128, 200, 512, 513, 1_500, 4_096, 4_097, 20_000]
            let byteCount = sizes[Int.random(in: 0..<sizes.count, using: &random)]
            let slot = try #require(pages.allocate(byteCount: byteCount))
            let memory = UnsafeMutableRawBufferPointer(start: slot.address, count: byteCount)
            #expect(memory.allSatisfy { $0 == 0 }, "seed \(seed)")
            let mark = UInt8(truncatingIfNeeded: turn) | 1
            memory.initializeMemory(as: UInt8.self, repeating: mark)
            live.append((slot, byteCount, mark))
        }
        while !live.isEmpty { release(live.count - 1) }
        // One run of each size at most is kept: six of a page, one of 8 and one of 16 KiB with pages of 4 KiB.
        #expect(pages.protection.byteCount <= 8 * Swift.max(SystemPages.byteCount, 16_384))
    }

    @Test func memoryStaysBoundedWhenSecretsComeAndGo() throws {
        let pages = SecretPages()
        var most = 0
        for _ in 0..<100_000 {
            let slot = try #require(pages.allocate(byteCount: 48))
            pages.release(slot)
            most = Swift.max(most, pages.protection.byteCount)
        }
        #expect(most == SystemPages.byteCount)
    }

    /// The pages are for any number of threads.
    @Test func secretsOfManyTasks() async {
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<16 {
                group.addTask {
                    (0..<500).allSatisfy { turn in
                        let mark = UInt8(truncatingIfNeeded: number &* 16 &+ turn) | 1
                        let first = secretBytes([UInt8](repeating: mark, count: 32 + turn % 100))
                        let second = first.withUnsafeBytes { SecretBytes(copying: $0) }
                        return second.isEqual(to: first) && second.withUnsafeBytes { $0.allSatisfy { $0 == mark } }
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func moreThanTheSystemHasIsNoPages() {
        #expect(SystemPages.map(byteCount: .max) == nil)
        #expect(SystemPages.map(byteCount: 1 << 60) == nil)
        #expect(SecretPages().allocate(byteCount: 1 << 60) == nil)
    }
}
