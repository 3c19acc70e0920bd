import Secp256k1
import WireCodec

/// Messages of this signer on their way through the caller's hands: they are asked to be signed and recorded, and leave only after that.
struct IssueQueue: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        let message: UnsignedMessage
        let record: LedgerRow
        /// When a refused one is asked for again.
        var retryAt: Duration?
    }

    private var entries: [Entry] = []
    /// What this run signed.
    private var bodies = OwnBodies()

    /// When the first refused message is asked for again.
    var nextRetry: Duration? { entries.lazy.compactMap(\.retryAt).min() }

    var messages: [UnsignedMessage] { entries.map(\.message) }

    /// Whether a message of a kind is on its way.
    func contains(_ type: MessageType, attempt: UInt32) -> Bool {
        entries.contains { $0.message.body.type == type && $0.message.body.attempt == attempt }
    }

    /// Whether this run cannot have made a body, by its hash: another process has this signer's key.
    func isForeign(_ hash: Hash32, attempt: UInt32) -> Bool { bodies.isForeign(hash, attempt: attempt) }

    mutating func add(_ message: UnsignedMessage, hash: Hash32, record: LedgerRow) {
        entries.append(Entry(message: message, record: record))
        bodies.insert(hash, attempt: message.body.attempt)
    }

    /// Takes out what is issued, by its body; nil if it was dropped meanwhile.
    mutating func remove(_ bytes: [UInt8]) -> Entry? {
        entries.firstIndex { $0.message.bytes == bytes }.map { entries.remove(at: $0) }
    }

    func contains(_ message: UnsignedMessage) -> Bool { entries.contains { $0.message == message } }

    /// Asks for a message again later.
    mutating func postpone(_ message: UnsignedMessage, until time: Duration) {
        if let position = entries.firstIndex(where: { $0.message == message }) { entries[position].retryAt = time }
    }

    /// What is to be asked for again now.
    mutating func takeDue(at now: Duration) -> [Entry] {
        var due: [Entry] = []
        for position in entries.indices {
            guard let retry = entries[position].retryAt, retry <= now else { continue }
            entries[position].retryAt = nil
            due.append(entries[position])
        }
        return due
    }

    mutating func removeAll(where isDropped: (MessageBody) -> Bool) {
        entries.removeAll { isDropped($0.message.body) }
    }

    /// Forgets what waits. What was signed stays known.
    mutating func removeAll() {
        entries.removeAll()
    }

    /// A new run has signed nothing.
    mutating func beginRun() {
        bodies = OwnBodies()
    }
}
