/// A queue of bytes in chunks, for one direction of one stream.
///
/// Whole arrays go in and, when the taker wants that much, come out again without a copy. Small pieces are gathered in the
/// last chunk, so that a peer that sends single bytes does not make us hold an array for each.
struct ByteQueue {
    /// Chunks below this size are filled up before a new one is begun.
    private static let gatherLimit = 16_384

    private var chunks: [[UInt8]] = []
    /// The first chunk not taken.
    private var head = 0
    /// How much of the first chunk was taken.
    private var taken = 0
    /// The number of bytes held.
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    /// Appends a whole array without copying it.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        self.chunks.append(bytes)
        self.count += bytes.count
    }

    /// Puts a whole array in front. Nothing may have been taken of the first chunk.
    mutating func prepend(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        self.chunks.insert(bytes, at: self.head)
        self.count += bytes.count
    }

    /// Appends a copy of the bytes.
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        self.count += bytes.count
        let last = self.chunks.count - 1
        if last >= self.head, self.chunks[last].count + bytes.count <= Self.gatherLimit {
            self.chunks[last].append(contentsOf: bytes)
        } else {
            self.chunks.append(Array(bytes))
        }
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
