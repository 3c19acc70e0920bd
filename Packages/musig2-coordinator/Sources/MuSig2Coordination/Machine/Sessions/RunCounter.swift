import MuSig2Session

/// The numbers of runs that this node has claimed in its store, and hands out in turn: one for each machine that is made.
///
/// A block is claimed before the first machine, and the next one when half of it is used, so that no machine waits for the store. The
/// first is small, and each further one twice as large up to a limit: a process that starts often does not take the numbers beyond the clock.
struct RunCounter: Sendable {
    /// The numbers that may be handed out.
    private var current: Range<UInt64> = 0..<0
    /// The block after that.
    private var reserve: Range<UInt64>?
    /// How many numbers the next block has, and how many the last one had.
    private var nextSize = RunNumber.firstBlockSize
    private var lastSize: UInt64 = 0
    /// Every number below is taken.
    private var floor: UInt64 = 1
    /// Whether a block is being claimed.
    private(set) var isClaiming = false
    /// When a claim that failed is made again.
    private(set) var retryAt: Duration?

    /// Every number below is taken: by former processes, or by others that know this signer.
    mutating func raiseFloor(to next: UInt64) {
        floor = max(floor, next)
        if current.lowerBound < next { current = min(next, current.upperBound)..<current.upperBound }
        if let block = reserve, block.lowerBound < next {
            reserve = min(next, block.upperBound)..<block.upperBound
        }
    }

    /// The next number; nil while none is claimed.
    mutating func next() -> UInt64? {
        if current.isEmpty, let block = reserve {
            current = block
            reserve = nil
        }
        guard let number = current.first else { return nil }
        current = (number + 1)..<current.upperBound
        floor = max(floor, number + 1)
        return number
    }

    /// The block that is to be claimed now; nil: enough are claimed, or a claim is under way.
    mutating func claim(at now: Now) -> Range<UInt64>? {
        guard !isClaiming, retryAt.map({ $0 <= now.monotonic }) ?? true else { return nil }
        let left = current.count + (reserve?.count ?? 0)
        guard UInt64(left) <= lastSize / 2 else { return nil }
        let end = max(current.upperBound, reserve?.upperBound ?? 0)
        // A clock that is off by centuries must not use the numbers up.
        let start = max(min(now.wallMilliseconds, RunNumber.limit / 2), floor, end)
        // Nobody counts so far: such a number was put into the store by something else.
        guard start <= RunNumber.limit - RunNumber.blockSize else { return nil }
        isClaiming = true
        retryAt = nil
        return start..<(start + nextSize)
    }

    /// The store has the block.
    mutating func claimed(_ block: Range<UInt64>) {
        isClaiming = false
        lastSize = UInt64(block.count)
        nextSize = min(2 * nextSize, RunNumber.blockSize)
        let usable = max(block.lowerBound, min(floor, block.upperBound))..<block.upperBound
        guard current.isEmpty else {
            reserve = usable
            return
        }
        current = reserve ?? usable
        reserve = reserve == nil ? nil : usable
    }

    /// Another process has claimed so far.
    mutating func taken(below next: UInt64) {
        isClaiming = false
        floor = max(floor, next)
    }

    /// The store failed.
    mutating func claimFailed(retryAt time: Duration) {
        isClaiming = false
        retryAt = time
    }
}
