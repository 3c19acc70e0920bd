import Synchronization

/// How much memory answers may take that are not complete, all together. The beginning of each is free, so that peers
/// that send very long ones, slowly, keep no other from answering.
final class AnswerRoom: Sendable {
    /// What is free of each answer, in bytes: more than an answer usually has.
    static let free = 65_536

    private let limit: Int
    private let held = Mutex(0)

    /// - Parameter limit: How many bytes, those that are free not counted.
    init(limit: Int) {
        self.limit = limit
    }

    /// How many bytes are held.
    var bytes: Int { held.withLock { $0 } }

    private func hold(_ change: Int) -> Bool {
        held.withLock { held in
            guard change <= 0 || held + change <= limit else { return false }
            held += change
            return true
        }
    }

    /// What one answer holds; let go of with it.
    final class Share {
        private let room: AnswerRoom
        private var held = 0

        init(of room: AnswerRoom) {
            self.room = room
        }

        deinit {
            _ = room.hold(-held)
        }

        /// Notes how many bytes of memory the answer takes now.
        ///
        /// - Returns: False when there is no room for so many.
        func hold(_ bytes: Int) -> Bool {
            let counted = max(0, bytes - AnswerRoom.free)
            guard room.hold(counted - held) else { return false }
            held = counted
            return true
        }
    }
}
