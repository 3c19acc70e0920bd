import Synchronization

/// Where secrets live: pages that hold secrets and nothing else, so that the system can treat them as such.
///
/// A secret gets a slot of the next power of two, from 32 bytes to 4 KiB; a larger one gets pages of its own. Slots are
/// wiped by their owners before they come back, and used again; pages with all slots free go back to the system, but
/// for one run of each size. What is kept to know all this lies elsewhere and holds no secret.
final class SecretPages: Sendable {
    static let shared = SecretPages()

    private static let smallestSlot = 32
    private static let largestSlot = 4_096
    private static let sizes = 8
    private static let slotsPerRun = 4

    /// Pages in one piece, cut into slots of one size.
    final class Run: @unchecked Sendable {
        fileprivate let pages: UnsafeMutableRawBufferPointer
        fileprivate let slotByteCount: Int
        fileprivate let slotCount: Int
        /// nil for a run of one slot that is larger than all sizes.
        fileprivate let size: Int?
        // Guarded by the lock of the pages.
        fileprivate var freeSlots: [Int]
        fileprivate var isLocked = false
        fileprivate var position = 0
        fileprivate var positionWithRoom: Int?

        fileprivate init(pages: UnsafeMutableRawBufferPointer, slotByteCount: Int, size: Int?) {
            self.pages = pages
            self.slotByteCount = slotByteCount
            self.size = size
            slotCount = size == nil ? 1 : pages.count / slotByteCount
            freeSlots = Array((0..<slotCount).reversed())
        }
    }

    /// A place for a secret: zeros.
    struct Slot {
        let address: UnsafeMutableRawPointer
        let run: Run
    }

    private struct State {
        var runs: [Run] = []
        var withRoom: [[Run]] = Array(repeating: [], count: SecretPages.sizes)
        var byteCount = 0
        var lockedByteCount = 0
        var strayByteCount = 0
        var isProtected = false
        var isLeftOutOfDumps = false
        var isWipedInForkedChild = false
    }

    private let state = Mutex(State())

    /// A place for so many bytes, at least one.
    ///
    /// - Returns: nil if the system has no more pages.
    func allocate(byteCount: Int) -> Slot? {
        self.state.withLock { state in
            let size = Self.size(of: byteCount)
            guard let run = size.flatMap({ state.withRoom[$0].last }) ?? Self.addRun(size, byteCount, &state),
                let slot = run.freeSlots.popLast(), let base = run.pages.baseAddress
            else { return nil }
            if run.freeSlots.isEmpty { Self.leaveRoom(run, &state) }
            return Slot(address: base + slot * run.slotByteCount, run: run)
        }
    }

    /// Takes back a slot that its owner has wiped.
    func release(_ slot: Slot) {
        self.state.withLock { state in
            let run = slot.run
            guard let base = run.pages.baseAddress else { return }
            run.freeSlots.append((slot.address - base) / run.slotByteCount)
            guard let size = run.size else { return Self.removeRun(run, &state) }
            if run.positionWithRoom == nil {
                run.positionWithRoom = state.withRoom[size].count
                state.withRoom[size].append(run)
            }
            if run.freeSlots.count == run.slotCount, state.withRoom[size].count > 1 {
                Self.leaveRoom(run, &state)
                Self.removeRun(run, &state)
            }
        }
    }

    /// Counts secrets that live elsewhere since the system had no pages.
    func noteStray(byteCount: Int) {
        state.withLock { $0.strayByteCount += byteCount }
    }

    /// Has the system protect all pages there are and all to come.
    func protect() {
        self.state.withLock { state in
            guard !state.isProtected else { return }
            state.isProtected = true
            state.isLeftOutOfDumps = true
            state.isWipedInForkedChild = true
            for run in state.runs { Self.protect(run, &state) }
            // So that the report says what the system does, not what it might do.
            if state.runs.isEmpty { _ = Self.addRun(0, Self.smallestSlot, &state) }
        }
    }

    /// What the system does for the pages now.
    var protection: SecretMemory.Protection {
        self.state.withLock { state in
            SecretMemory.Protection(
                byteCount: state.byteCount,
                lockedByteCount: state.lockedByteCount,
                strayByteCount: state.strayByteCount,
                isLeftOutOfDumps: state.isProtected && state.isLeftOutOfDumps,
                isWipedInForkedChild: state.isProtected && state.isWipedInForkedChild,
                lockLimit: SystemPages.lockLimit
            )
        }
    }

    /// Which of the sizes of slots holds so many bytes; nil if none does.
    private static func size(of byteCount: Int) -> Int? {
        guard byteCount <= largestSlot else { return nil }
        var (size, slot) = (0, smallestSlot)
        while slot < byteCount {
            slot *= 2
            size += 1
        }
        return size
    }

    private static func addRun(_ size: Int?, _ byteCount: Int, _ state: inout State) -> Run? {
        let slotByteCount = size.map { smallestSlot << $0 } ?? byteCount
        let wanted = size == nil ? byteCount : Swift.max(slotByteCount * slotsPerRun, SystemPages.byteCount)
        guard let pages = SystemPages.map(byteCount: wanted) else { return nil }
        let run = Run(pages: pages, slotByteCount: slotByteCount, size: size)
        run.position = state.runs.count
        state.runs.append(run)
        state.byteCount += pages.count
        if let size {
            run.positionWithRoom = state.withRoom[size].count
            state.withRoom[size].append(run)
        }
        if state.isProtected { protect(run, &state) }
        return run
    }

    private static func protect(_ run: Run, _ state: inout State) {
        if SystemPages.lock(run.pages) {
            run.isLocked = true
            state.lockedByteCount += run.pages.count
        }
        if !SystemPages.leaveOutOfDumps(run.pages) { state.isLeftOutOfDumps = false }
        if !SystemPages.wipeInForkedChild(run.pages) { state.isWipedInForkedChild = false }
    }

    private static func leaveRoom(_ run: Run, _ state: inout State) {
        guard let size = run.size, let position = run.positionWithRoom, let last = state.withRoom[size].popLast() else {
            return
        }
        run.positionWithRoom = nil
        guard last !== run else { return }
        state.withRoom[size][position] = last
        last.positionWithRoom = position
    }

    private static func removeRun(_ run: Run, _ state: inout State) {
        guard let last = state.runs.popLast() else { return }
        if last !== run {
            state.runs[run.position] = last
            last.position = run.position
        }
        state.byteCount -= run.pages.count
        if run.isLocked { state.lockedByteCount -= run.pages.count }
        SystemPages.unmap(run.pages)
    }
}
