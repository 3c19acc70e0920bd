import Synchronization

/// When a peer last did something that is of use, written wherever its bytes are read, and read when somebody has to go.
final class ConnectionActivity: Sendable {
    private let request = Atomic<Int64>(.min)
    private let frame = Atomic<Int64>(.min)

    /// When a request of the peer was last worked on.
    var lastRequest: Duration? { Self.duration(request) }

    /// When a whole frame of the peer last came.
    var lastFrame: Duration? { Self.duration(frame) }

    func noteRequest(at now: Duration) { request.store(Self.milliseconds(now), ordering: .relaxed) }

    func noteFrame(at now: Duration) { frame.store(Self.milliseconds(now), ordering: .relaxed) }

    private static func milliseconds(_ time: Duration) -> Int64 {
        let (seconds, attoseconds) = time.components
        return seconds &* 1000 &+ attoseconds / 1_000_000_000_000_000
    }

    private static func duration(_ time: borrowing Atomic<Int64>) -> Duration? {
        let milliseconds = time.load(ordering: .relaxed)
        return milliseconds == .min ? nil : .milliseconds(milliseconds)
    }
}
