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

    /// The memory that the chunks take, in bytes: an array whose bytes were taken in part is still there as a whole.
    private(set) var footprint = 0

    var isEmpty: Bool { self.count == 0 }

    /// Appends a whole array, without copying it unless it is small.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if bytes.count <= Self.copyLimit { return bytes.withUnsafeBytes { self.append(copying: $0) } }
        self.count += bytes.count
        self.addChunk(bytes)
    }

    /// Puts a whole array in front. Nothing may have been taken of the first chunk.
    mutating func prepend(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        self.chunks.insert(bytes, at: self.head)
        self.count += bytes.count
        self.footprint += bytes.capacity + Self.chunkOverhead
    }

    /// Appends a copy of the bytes.
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        self.count += bytes.count
        let last = self.chunks.count - 1
        if last >= self.head, self.chunks[last].count + bytes.count <= Self.gatherLimit {
            let capacity = self.chunks[last].capacity
            let needed = self.chunks[last].count + bytes.count
            // Doubled as arrays do by themselves, but not beyond what is gathered.
            if needed > capacity { self.chunks[last].reserveCapacity(min(Self.gatherLimit, max(needed, 2 * capacity))) }
            self.chunks[last].append(contentsOf: bytes)
            self.footprint += self.chunks[last].capacity - capacity
        } else {
            self.addChunk(Array(bytes))
        }
    }

    private mutating func addChunk(_ bytes: [UInt8]) {
        self.chunks.append(bytes)
        self.footprint += bytes.capacity + Self.chunkOverhead
    }

    /// How many bytes ``take(upTo:)`` would take.
    func piece(upTo maximum: Int) -> Int {
        guard self.head < self.chunks.count else { return 0 }
        return min(maximum, self.chunks[self.head].count - self.taken)
    }

    /// Takes at least one and at most `maximum` bytes, as many as one chunk holds; the queue must not be empty.
    mutating func take(upTo maximum: Int) -> [UInt8] {
        guard self.head < self.chunks.count, maximum > 0 else { return [] }
        let available = self.chunks[self.head].count - self.taken
        let length = min(maximum, available)
        let bytes: [UInt8]
        if self.taken == 0, length == available {
            bytes = self.chunks[self.head]
        } else {
            bytes = Array(self.chunks[self.head][self.taken..<(self.taken + length)])
        }
        self.advance(by: length)
        return bytes
    }

    /// Takes exactly `length` bytes, or all if there are fewer, and hands them on piece by piece.
    mutating func drain(_ length: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        var left = length
        while left > 0, self.head < self.chunks.count {
            let piece = min(left, self.chunks[self.head].count - self.taken)
            let start = self.taken
            self.chunks[self.head].withUnsafeBytes {
                body(UnsafeRawBufferPointer(rebasing: $0[start..<(start + piece)]))
            }
            self.advance(by: piece)
            left -= piece
        }
    }

    mutating func removeAll() {
        self = ByteQueue()
    }

    private mutating func advance(by length: Int) {
        self.count -= length
        self.taken += length
        guard self.taken == self.chunks[self.head].count else { return }
        self.footprint -= self.chunks[self.head].capacity + Self.chunkOverhead
        self.chunks[self.head] = []
        self.head += 1
        self.taken = 0
        if self.head == self.chunks.count {
            self.chunks.removeAll(keepingCapacity: self.chunks.capacity <= 64)
            self.head = 0
        } else if self.head >= 32, self.head * 2 >= self.chunks.count {
            self.chunks.removeFirst(self.head)
            self.head = 0
        }
    }
}
