import Secp256k1
import WireCodec

/// The slots of a session: (column, index) holds the first valid message. JOINs belong to the session, all others to the attempt.
struct SlotTable<Crypto: SessionCrypto>: Hashable, Sendable {
    let constants: SessionConstants<Crypto>
    var roster: Roster
    var attempt: AttemptState<Crypto>

    init(_ constants: SessionConstants<Crypto>) {
        self.constants = constants
        roster = Roster(signers: constants.signerCount)
        attempt = AttemptState(
            number: 1, signers: constants.signerCount, hasCommitmentRound: constants.hasCommitmentRound)
    }

    var joins: Slots<JoinSlot> { roster.joins }
    var me: Int { constants.me }
    var isStar: Bool { constants.isStar }
    var coordinator: Int? { constants.order.coordinator(ofAttempt: attempt.number) }
    var isCoordinator: Bool { isStar && coordinator == me }

    // MARK: Attempts

    /// Leaves everything of the present attempt behind.
    mutating func beginAttempt(_ number: UInt32, cause: AttemptCause) {
        attempt = AttemptState(
            number: number, signers: constants.signerCount, hasCommitmentRound: constants.hasCommitmentRound,
            cause: cause)
    }

    /// Drops from the attempt whatever rests on this signer's nonces: what others said of their own stays.
    mutating func renewAttempt() {
        var columns = attempt.columns
        columns.noncesComplete = nil
        columns.commitmentsComplete = Slots(signers: columns.commitmentsComplete.count)
        columns.removeAll(of: me)
        beginAttempt(attempt.number, cause: attempt.cause.renewed)
        attempt.columns = columns
    }

    /// Drops what only a running session needs.
    mutating func endAttempt() {
        beginAttempt(attempt.number, cause: AttemptCause(origin: attempt.cause.origin))
        attempt.ownNonces = .spent
    }

    // MARK: Questions

    /// The message in a slot.
    func message(in slot: Slot) -> SignedMessage? {
        guard slot.index < constants.signerCount else { return nil }
        return slot.column == .joins
            ? joins[slot.index]?.message : attempt.columns.message(slot.column, slot.index)
    }

    /// Whether there is a message in a slot, without a copy of it.
    func isFilled(_ slot: Slot) -> Bool {
        guard slot.index < constants.signerCount else { return false }
        return slot.column == .joins
            ? joins.isFilled(slot.index) : attempt.columns.isFilled(slot.column, slot.index)
    }

    /// Whether a column is full; that of the signatures never is while the session runs.
    func isFull(_ column: Column) -> Bool {
        switch column {
        case .joins: joins.isFull
        case .commitments: attempt.columns.commitments.isFull
        case .commitmentsComplete: attempt.columns.commitmentsComplete.isFull
        case .nonces: attempt.columns.nonces.isFull
        case .noncesComplete: attempt.columns.noncesComplete != nil
        case .partials: attempt.columns.partials.isFull
        case .signature: false
        }
    }

    /// The columns that this signer needs in this attempt, in order.
    var neededColumns: [Column] {
        let hasPartial = attempt.columns.partials.isFilled(me)
        if isStar {
            if isCoordinator { return [.joins, .nonces, .partials] }
            return hasPartial ? [.joins, .signature] : [.joins, .noncesComplete, .signature]
        }
        // A signer that has a partial already has been through the commitment round, perhaps in an earlier run.
        if constants.hasCommitmentRound, !hasPartial {
            return [.joins, .commitments, .commitmentsComplete, .nonces, .partials]
        }
        return [.joins, .nonces, .partials]
    }

    /// The first needed column that is not full.
    var phase: Column? { neededColumns.first { !isFull($0) } }

    /// Slots of others that are needed and empty, in order of the columns.
    var missing: [Slot] {
        var missing: [Slot] = []
        for column in neededColumns {
            switch column {
            case .signature: break
            case .noncesComplete:
                if attempt.columns.noncesComplete == nil, let coordinator {
                    missing.append(Slot(.noncesComplete, coordinator))
                }
            default:
                for index in joins.indices where index != me {
                    let slot = Slot(column, index)
                    if !isFilled(slot) { missing.append(slot) }
                }
            }
        }
        return missing
    }

    /// Whether something of others is missing.
    var isWanting: Bool {
        neededColumns.contains { column in
            switch column {
            case .signature: true
            case .noncesComplete: attempt.columns.noncesComplete == nil
            default: joins.indices.contains { $0 != me && !isFilled(Slot(column, $0)) }
            }
        }
    }

    /// Whether something of a signer is missing that this one needs in the attempt.
    func isWanting(of index: Int) -> Bool {
        neededColumns.contains { column in
            switch column {
            case .signature: index == coordinator
            case .noncesComplete: index == coordinator && attempt.columns.noncesComplete == nil
            default: !isFilled(Slot(column, index))
            }
        }
    }

    /// The signers of which a column is waited for.
    func awaited(in column: Column) -> [Int] {
        if column == .signature || column == .noncesComplete { return [coordinator].compactMap { $0 } }
        return joins.indices.filter { $0 != me && !isFilled(Slot(column, $0)) }
    }

    /// Whether this signer has a partial in a star, and waits for the signatures.
    var awaitsSignature: Bool { neededColumns.last == .signature && attempt.columns.partials.isFilled(me) }

    /// The leaves as this signer knows them, if it knows all.
    var knownLeaves: [Hash32]? {
        if let agreed = attempt.agreement.agreed { return agreed.leaves }
        if attempt.agreement.committedTranscript != nil { return attempt.columns.commitments.compactMap { $0?.hash } }
        return nil
    }

    /// The others that have another context, or another transcript of the commitments, than this signer.
    var differing: [Int] {
        joins.indices.filter { index in
            guard index != me else { return false }
            if let agreed = attempt.agreement.agreed, let partial = attempt.columns.partials[index] {
                if partial.context != agreed.contextHash { return true }
            }
            let complete = attempt.columns.commitmentsComplete
            guard index < complete.count, let transcript = attempt.agreement.committedTranscript,
                let said = complete[index]
            else { return false }
            return said.hash != transcript
        }
    }

    /// Whether a signer's partial is of what this signer has agreed to.
    func isAgreed(_ index: Int) -> Bool {
        guard let agreed = attempt.agreement.agreed, let partial = attempt.columns.partials[index] else { return false }
        return partial.context == agreed.contextHash
    }

    /// Whether a message of the present attempt is here already, to the byte.
    func isHeld(_ message: SignedMessage, _ index: Int) -> Bool {
        if message.body.type == .restart { return attempt.cause.hasHeard(index) }
        guard let column = Column(message.body.type) else { return false }
        return self.message(in: Slot(column, index))?.bodyBytes == message.bodyBytes
    }

    /// Tells that a column has one more; of the others nothing is told.
    func progress(_ column: Column, _ index: Int) -> SessionEvent? {
        let number = attempt.number
        let columns = attempt.columns
        return switch column {
        case .commitments:
            .commitmentReceived(attempt: number, index: index, received: columns.commitments.filled)
        case .nonces: .nonceReceived(attempt: number, index: index, received: columns.nonces.filled)
        case .partials: .partialReceived(attempt: number, index: index, received: columns.partials.filled)
        case .joins, .commitmentsComplete, .noncesComplete, .signature: nil
        }
    }

    var approximateByteCount: Int {
        var count = attempt.columns.approximateByteCount
        for slot in joins { count += slot.map { 200 + $0.message.bodyBytes.count } ?? 8 }
        for declined in roster.declines.values { count += 300 + 3 * declined.message.bodyBytes.count }
        if let origin = attempt.cause.origin { count += 200 + origin.bodyBytes.count }
        return count
    }
}
