import WireCodec

/// What a session gathers, in this order; the phase is the first needed column that is not full.
///
/// Which columns a signer needs depends on the topology and on whether it coordinates.
public enum Column: UInt8, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    /// A JOIN of each signer.
    case joins
    /// A NONCE_COMMIT of each signer; with a commitment round only.
    case commitments
    /// A NONCE_COMMITS_COMPLETE of each signer; with a commitment round only.
    case commitmentsComplete
    /// A NONCE_SHARE of each signer; mesh, or the coordinator of a star.
    case nonces
    /// The NONCES_COMPLETE of the coordinator; the other signers of a star.
    case noncesComplete
    /// A PARTIAL_SIG_SHARE of each signer; mesh, or the coordinator of a star.
    case partials
    /// The final signatures; the other signers of a star.
    case signature

    /// Order of the rounds.
    public static func < (left: Column, right: Column) -> Bool { left.rawValue < right.rawValue }

    /// The name in lower camel case.
    public var description: String {
        switch self {
        case .joins: "joins"
        case .commitments: "commitments"
        case .commitmentsComplete: "commitmentsComplete"
        case .nonces: "nonces"
        case .noncesComplete: "noncesComplete"
        case .partials: "partials"
        case .signature: "signature"
        }
    }
}

/// One place of a session's state: a column and the index of the signer that fills it with its message.
public struct Slot: Hashable, Sendable, CustomStringConvertible {
    /// The column.
    public let column: Column
    /// The signer's position.
    public let index: Int

    /// A slot.
    ///
    /// - Parameters:
    ///   - column: The column.
    ///   - index: The signer's position.
    public init(_ column: Column, _ index: Int) {
        self.column = column
        self.index = index
    }

    /// Such as `nonces[2]`.
    public var description: String { "\(column)[\(index)]" }
}

/// A set of slots of one attempt, as bits: with a thousand signers each peer may want a thousand messages.
struct SlotSet: Hashable, Sendable {
    private var words: [UInt64] = []
    private let wordsPerColumn: Int

    init(signers: Int) {
        wordsPerColumn = (signers + 63) / 64
    }

    private func position(_ slot: Slot) -> (word: Int, bit: UInt64) {
        (Int(slot.column.rawValue) * wordsPerColumn + slot.index / 64, 1 << UInt64(slot.index % 64))
    }

    var isEmpty: Bool { words.isEmpty }

    func contains(_ slot: Slot) -> Bool {
        let (word, bit) = position(slot)
        return word < words.count && words[word] & bit != 0
    }

    mutating func insert(_ slot: Slot) {
        let (word, bit) = position(slot)
        // Trailing words that are zero are never kept, so that equal sets are equal values.
        if word >= words.count { words.append(contentsOf: repeatElement(0, count: word + 1 - words.count)) }
        words[word] |= bit
    }

    mutating func remove(_ slot: Slot) {
        let (word, bit) = position(slot)
        guard word < words.count else { return }
        words[word] &= ~bit
        trim()
    }

    mutating func removeAll() {
        words.removeAll()
    }

    /// Leaves the JOINs, which belong to no attempt.
    mutating func removeAllButJoins() {
        guard words.count > wordsPerColumn else { return }
        words.removeLast(words.count - wordsPerColumn)
        trim()
    }

    private mutating func trim() {
        while words.last == 0 { words.removeLast() }
    }
}

extension Column {
    /// The type of the messages that fill the column.
    var messageType: MessageType {
        switch self {
        case .joins: .join
        case .commitments: .nonceCommit
        case .commitmentsComplete: .nonceCommitsComplete
        case .nonces: .nonceShare
        case .noncesComplete: .noncesComplete
        case .partials: .partialSigShare
        case .signature: .signatureFinalized
        }
    }

    /// The column that messages of a type fill.
    init?(_ type: MessageType) {
        switch type {
        case .join: self = .joins
        case .nonceCommit: self = .commitments
        case .nonceCommitsComplete: self = .commitmentsComplete
        case .nonceShare: self = .nonces
        case .noncesComplete: self = .noncesComplete
        case .partialSigShare: self = .partials
        case .signatureFinalized: self = .signature
        case .restart, .abort, .evidence, .broadcastDone, .decline: return nil
        }
    }
}
