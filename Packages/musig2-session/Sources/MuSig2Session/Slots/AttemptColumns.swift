import Secp256k1
import WireCodec

/// The columns of one attempt.
struct AttemptColumns<Crypto: SessionCrypto>: Hashable, Sendable {
    var commitments: Slots<HashSlot>
    var commitmentsComplete: Slots<HashSlot>
    var nonces: Slots<NonceSlot<Crypto.Nonces>>
    /// The coordinator's; the only one of its column.
    var noncesComplete: AggregateSlot<Crypto.Context>?
    var partials: Slots<PartialSlot>

    init(signers: Int, hasCommitmentRound: Bool) {
        commitments = Slots(signers: hasCommitmentRound ? signers : 0)
        commitmentsComplete = Slots(signers: hasCommitmentRound ? signers : 0)
        nonces = Slots(signers: signers)
        partials = Slots(signers: signers)
    }

    /// Drops what a signer said.
    mutating func removeAll(of index: Int) {
        nonces[index] = nil
        if index < commitments.count { commitments[index] = nil }
    }

    /// Whether there is a message in a slot, without a copy of it.
    func isFilled(_ column: Column, _ index: Int) -> Bool { slots(of: column)?.isFilled(at: index) ?? false }

    /// The message in a slot.
    func message(_ column: Column, _ index: Int) -> SignedMessage? { slots(of: column)?.message(at: index) }

    private func slots(of column: Column) -> (any MessageSlots)? {
        switch column {
        case .commitments: commitments
        case .commitmentsComplete: commitmentsComplete
        case .nonces: nonces
        case .noncesComplete: noncesComplete
        case .partials: partials
        case .joins, .signature: nil
        }
    }

    var approximateByteCount: Int {
        var count = 0
        for slot in nonces { count += slot.map { 400 + 3 * $0.message.bodyBytes.count } ?? 8 }
        for slot in partials { count += slot.map { 300 + 2 * $0.message.bodyBytes.count } ?? 8 }
        for column in [commitments, commitmentsComplete] { count += 8 * column.count + 292 * column.filled }
        return count
    }
}

/// A NONCE_COMMIT, or a NONCE_COMMITS_COMPLETE, that fills a slot: both say one hash.
struct HashSlot: MessageSlot, Hashable, Sendable {
    let message: SignedMessage
    let hash: Hash32
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(run)
        hasher.combine(hash)
    }
}

/// A NONCE_SHARE that fills a slot.
struct NonceSlot<Nonces: Hashable & Sendable>: MessageSlot, Hashable, Sendable {
    let message: SignedMessage
    let leaf: Hash32
    let nonces: Nonces
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(leaf)
    }
}

/// A NONCES_COMPLETE that fills a slot.
struct AggregateSlot<Context: Hashable & Sendable>: Hashable, Sendable {
    let message: SignedMessage
    let leaves: [Hash32]
    let aggregateNonces: [[UInt8]]
    let context: Context
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(leaves)
        hasher.combine(run)
    }
}

/// A PARTIAL_SIG_SHARE that fills a slot.
struct PartialSlot: MessageSlot, Hashable, Sendable {
    let message: SignedMessage
    let context: Hash32
    let partials: [[UInt8]]
    /// Whether it was looked at by itself and is right.
    var isVerified = false
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(run)
        hasher.combine(context)
    }
}

/// What fills a slot: a message, and what follows from it.
protocol MessageSlot {
    var message: SignedMessage { get }
}

/// Where the messages of a column are.
private protocol MessageSlots {
    func isFilled(at index: Int) -> Bool
    func message(at index: Int) -> SignedMessage?
}

extension Slots: MessageSlots where Value: MessageSlot {
    func isFilled(at index: Int) -> Bool { index < count && isFilled(index) }

    func message(at index: Int) -> SignedMessage? { index < count ? self[index]?.message : nil }
}

/// Of the coordinator alone.
extension AggregateSlot: MessageSlots {
    func isFilled(at index: Int) -> Bool { Int(message.body.index) == index }

    func message(at index: Int) -> SignedMessage? { isFilled(at: index) ? message : nil }
}
