/// A queue of bytes in chunks, for one direction of one stream.
///
/// Whole arrays go in and, when the taker wants that much, come out again without a copy. Small pieces are gathered in the
/// last chunk, so that a peer that sends single bytes does not make us hold an array for each.
struct ByteQueue {
    /// Chunks below this size are filled up before a new one is begun.
    private static let gatherLimit = 16_384
    /// Whole arrays up to this size are copied into the last chunk too: each array of its own costs more than that.
    private static let copyLimit = 512
    /// What an array takes beside its bytes: its head, and its place in the list.
    private static let chunkOverhead = 48

    private var chunks: [[UInt8]] = []
    /// The first chunk not taken.
    private var head = 0
    /// How much of the first chunk was taken.
    private var taken = 0
    /// The number of bytes held.
    private(set) var count = 0

    /// The memory that the chunks take, in bytes: an array with bytes that were taken in part is still there as a whole.
    private(set) var footprint = 0

    var isEmpty: Bool { count == 0 }

    /// Appends a whole array, without copying it unless it is small.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if bytes.count <= Self.copyLimit { return bytes.withUnsafeBytes { append(copying: $0) } }
        count += bytes.count
        addChunk(bytes)
    }

    /// Puts a whole array in front. Nothing may have been taken of the first chunk.
    mutating func prepend(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        chunks.insert(bytes, at: head)
        count += bytes.count
        footprint += bytes.capacity + Self.chunkOverhead
    }

    /// Appends a copy of the bytes.
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        count += bytes.count
        let last = chunks.count - 1
        if last >= head, chunks[last].count + bytes.count <= Self.gatherLimit {
            let capacity = chunks[last].capacity
            let needed = chunks[last].count + bytes.count
            // Doubled as arrays do by themselves, but not beyond what is gathered.
            if needed > capacity { chunks[last].reserveCapacity(min(Self.gatherLimit, max(needed, 2 * capacity))) }
            chunks[last].append(contentsOf: bytes)
            footprint += chunks[last].capacity - capacity
        } else {
            addChunk(Array(bytes))
        }
    }

    private mutating func addChunk(_ bytes: [UInt8]) {
        chunks.append(bytes)
        footprint += bytes.capacity + Self.chunkOverhead
    }

    /// How many bytes ``take(upTo:)`` would take.
    func piece(upTo maximum: Int) -> Int {
        guard head < chunks.count else { return 0 }
        return min(maximum, chunks[head].count - taken)
    }

    /// Takes at least one and at most `maximum` bytes, as many as one chunk holds; the queue must not be empty.
    mutating func take(upTo maximum: Int) -> [UInt8] {
        guard head < chunks.count, maximum > 0 else { return [] }
        let available = chunks[head].count - taken
        let length = min(maximum, available)
        let bytes: [UInt8]
        if taken == 0, length == available {
            bytes = chunks[head]
        } else {
            bytes = Array(chunks[head][taken..<(taken + length)])
        }
        advance(by: length)
        return bytes
    }

    /// Takes exactly `length` bytes, or all if there are fewer, and hands them on piece by piece.
    mutating func drain(_ length: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        var left = length
        while left > 0, head < chunks.count {
            let piece = min(left, chunks[head].count - taken)
            let start = taken
            chunks[head].withUnsafeBytes {
                body(UnsafeRawBufferPointer(rebasing: $0[start..<(start + piece)]))
            }
            advance(by: piece)
            left -= piece
        }
    }

    mutating func removeAll() {
        self = ByteQueue()
    }

    private mutating func advance(by length: Int) {
        count -= length
        taken += length
        guard taken == chunks[head].count else { return }
        footprint -= chunks[head].capacity + Self.chunkOverhead
        chunks[head] = []
        head += 1
        taken = 0
        if head == chunks.count {
            chunks.removeAll(keepingCapacity: chunks.capacity <= 64)
            head = 0
        } else if head >= 32, head * 2 >= chunks.count {
            chunks.removeFirst(head)
            head = 0
        }
    }
}
