import PeerTransport
import WireCodec

/// Frames that wait to be sent to one peer, bounded in number and bytes.
struct FrameQueue {
    private let maximumFrames: Int
    private let maximumBytes: Int
    private var frames = Fifo<[UInt8]>()
    /// The frame that comes before all others: it could not be written at once.
    private var first: [UInt8]?
    private var bytes = 0

    init(maximumFrames: Int, maximumBytes: Int) {
        self.maximumFrames = maximumFrames
        self.maximumBytes = maximumBytes
    }

    var isEmpty: Bool { first == nil && frames.isEmpty }

    /// Appends a frame.
    ///
    /// - Returns: Whether there was room for it.
    mutating func append(_ frame: [UInt8]) -> Bool {
        guard frames.count < maximumFrames, frame.count <= maximumBytes - bytes else { return false }
        frames.append(frame)
        bytes += frame.count
        return true
    }

    /// Puts a frame before all others, for which the bound in number does not count: there is one such frame at most.
    ///
    /// - Returns: Whether there was room for it.
    mutating func putBack(_ frame: [UInt8]) -> Bool {
        guard first == nil, frame.count <= maximumBytes - bytes else { return false }
        first = frame
        bytes += frame.count
        return true
    }

    /// Takes frames, each with its length before it, until they make up so many bytes, and one at least.
    mutating func takeBatch(ofBytes wanted: Int) -> [UInt8] {
        var batch: [UInt8] = []
        while let frame = popFirst() {
            FrameEncoder.append(frame, to: &batch)
            if batch.count >= wanted { break }
        }
        return batch
    }

    private mutating func popFirst() -> [UInt8]? {
        guard let frame = first ?? frames.popFirst() else { return nil }
        first = nil
        bytes -= frame.count
        return frame
    }
}
