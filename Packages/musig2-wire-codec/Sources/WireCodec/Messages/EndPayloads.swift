/// Why a signer went on to another attempt. Others may be added: an unknown reason is shown by its number.
public struct RestartReason: RawRepresentable, Hashable, Sendable {
    /// The number on the wire, not 0.
    public var rawValue: UInt32

    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A deadline passed.
    public static let timeout = RestartReason(rawValue: 1)
    /// The contributions of the attempt do not fit together.
    public static let failedAttempt = RestartReason(rawValue: 2)
    /// A signer came back with a new run after its nonces had been used.
    public static let newRun = RestartReason(rawValue: 3)
    /// The application asked for it.
    public static let requested = RestartReason(rawValue: 4)
    /// The signer met a partial signature of its own that its store has lost.
    public static let ownHistoryLost = RestartReason(rawValue: 5)
    /// Another message of a later attempt was heard before any RESTART. Told to the application, never on the wire.
    public static let followed = RestartReason(rawValue: 6)
}

extension RestartReason: CaseIterable {
    /// The reasons that are defined.
    public static let allCases: [RestartReason] = [
        .timeout, .failedAttempt, .newRun, .requested, .ownHistoryLost, .followed,
    ]
}

extension RestartReason: CustomStringConvertible {
    /// The reason in lower camel case, or its number.
    public var description: String {
        switch self {
        case .timeout: "timeout"
        case .failedAttempt: "failedAttempt"
        case .newRun: "newRun"
        case .requested: "requested"
        case .ownHistoryLost: "ownHistoryLost"
        case .followed: "followed"
        default: "reason \(rawValue)"
        }
    }
}

/// RESTART: the sender is at the attempt that its body names.
public struct Restart: WireMessage {
    /// Why.
    public var reason: RestartReason
    /// The indices of those that the sender has not heard, ascending: a statement, no accusation.
    public var notHeard: [UInt32]
    /// The indices of the signers that signed another context than the sender's, ascending: a statement.
    public var contextDiffers: [UInt32]
    /// The indices of the signers that came back with a new run after their nonces had been used, ascending: a
    /// statement.
    public var newRuns: [UInt32]

    /// Makes the payload.
    public init(
        reason: RestartReason, notHeard: [UInt32] = [], contextDiffers: [UInt32] = [], newRuns: [UInt32] = []
    ) {
        self.reason = reason
        self.notHeard = notHeard
        self.contextDiffers = contextDiffers
        self.newRuns = newRuns
    }

    /// `Restart`.
    public static let messageName = "Restart"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(reason: RestartReason(rawValue: 0))
        while let field = try reader.nextField() {
            switch field.number {
            case 1: reason = RestartReason(rawValue: try reader.uint32(field, "reason"))
            case 2: try reader.append(field, "not_heard", to: &notHeard, count: limits.signers)
            case 3: try reader.append(field, "context_differs", to: &contextDiffers, count: limits.signers)
            case 4: try reader.append(field, "new_runs", to: &newRuns, count: limits.signers)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.uint(1, reason.rawValue)
        writer.packed(2, notHeard)
        writer.packed(3, contextDiffers)
        writer.packed(4, newRuns)
    }

    /// Refuses no reason, and indices that are not ascending or out of range.
    public func validate(_ limits: WireLimits) throws(WireError) {
        if reason.rawValue == 0 { throw WireError(Self.messageName, "reason", .missing) }
        try WireCheck.indices(Self.messageName, "not_heard", notHeard, limits)
        try WireCheck.indices(Self.messageName, "context_differs", contextDiffers, limits)
        try WireCheck.indices(Self.messageName, "new_runs", newRuns, limits)
    }
}

/// Why a signer ended the session. Others may be added: an unknown reason is shown by its number.
public struct AbortReason: RawRepresentable, Hashable, Sendable {
    /// The number on the wire, not 0.
    public var rawValue: UInt32

    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The application asked for it.
    public static let requested = AbortReason(rawValue: 1)
    /// The approval was withdrawn, or the policy refused before the partial signature.
    public static let notApproved = AbortReason(rawValue: 2)
    /// A signer's contribution is wrong; the evidence names the signer.
    public static let invalidContribution = AbortReason(rawValue: 3)
    /// Two partial signatures under one public nonce were seen; they are never shown.
    public static let signerCompromised = AbortReason(rawValue: 4)
    /// The store failed.
    public static let storeFailed = AbortReason(rawValue: 5)
    /// Too many attempts ended early; the text says which signers raised them.
    public static let noProgress = AbortReason(rawValue: 6)
    /// The session was closed before it was finished.
    public static let closed = AbortReason(rawValue: 7)
    /// The signer cannot sign.
    public static let cannotSign = AbortReason(rawValue: 8)
}

extension AbortReason: CaseIterable {
    /// The reasons that are defined.
    public static let allCases: [AbortReason] = [
        .requested, .notApproved, .invalidContribution, .signerCompromised, .storeFailed, .noProgress, .closed,
        .cannotSign,
    ]
}

extension AbortReason: CustomStringConvertible {
    /// The reason in lower camel case, or its number.
    public var description: String {
        switch self {
        case .requested: "requested"
        case .notApproved: "notApproved"
        case .invalidContribution: "invalidContribution"
        case .signerCompromised: "signerCompromised"
        case .storeFailed: "storeFailed"
        case .noProgress: "noProgress"
        case .closed: "closed"
        case .cannotSign: "cannotSign"
        default: "reason \(rawValue)"
        }
    }
}

/// Whether a partial signature of the sender may exist.
public enum AbortStage: UInt32, Hashable, Sendable, CaseIterable {
    /// The sender has made none.
    case beforePartial = 1
    /// The sender has recorded one: a signature may exist for ever.
    case afterPartial = 2
}

/// ABORT: the session ends at its sender.
public struct Abort: WireMessage {
    /// Why.
    public var reason: AbortReason
    /// Whether a partial signature of the sender may exist.
    public var stage: AbortStage
    /// For people; at most 512 bytes. It is the sender's word, and may hold any characters.
    public var text: String
    /// The proof of another signer's fault, if that is the reason.
    public var evidence: Evidence?

    /// Makes the payload.
    public init(reason: AbortReason, stage: AbortStage, text: String = "", evidence: Evidence? = nil) {
        self.reason = reason
        self.stage = stage
        self.text = text
        self.evidence = evidence
    }

    /// `Abort`.
    public static let messageName = "Abort"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        var stage: AbortStage?
        self.init(reason: AbortReason(rawValue: 0), stage: .beforePartial)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: reason = AbortReason(rawValue: try reader.uint32(field, "reason"))
            case 2: stage = try reader.enumeration(field, "stage", as: AbortStage.self)
            case 3: text = try reader.string(field, "text", limit: limits.textBytes)
            case 4: evidence = try reader.message(field, "evidence", limits: limits)
            default: try reader.unknown(field)
            }
        }
        guard let stage else { throw reader.error("stage", .missing) }
        self.stage = stage
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.uint(1, reason.rawValue)
        writer.uint(2, stage.rawValue)
        writer.string(3, text)
        if let evidence { writer.message(4, evidence) }
    }

    /// Refuses no reason, too long a text, and what ``Evidence/validate(_:)`` refuses.
    public func validate(_ limits: WireLimits) throws(WireError) {
        if reason.rawValue == 0 { throw WireError(Self.messageName, "reason", .missing) }
        try WireCheck.text(Self.messageName, "text", text, limits)
        try evidence?.validate(limits)
    }
}

/// DECLINE: the sender will not join the session. Said before its own JOIN only.
public struct Decline: WireMessage {
    /// For people; at most 512 bytes (``WireLimits/textBytes``), or empty. It is the sender's word, and may hold any characters.
    public var reason: String

    /// Makes the payload.
    public init(reason: String = "") { self.reason = reason }

    /// `Decline`.
    public static let messageName = "Decline"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init()
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            reason = try reader.string(field, "reason", limit: limits.textBytes)
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) { writer.string(1, reason) }

    /// Refuses too long a reason.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.text(Self.messageName, "reason", reason, limits)
    }
}

/// BROADCAST_DONE: the sender says that it broadcast the transaction.
public struct BroadcastDone: WireMessage {
    /// 32 bytes, in the byte order of the transaction's inputs.
    public var transactionID: [UInt8]

    /// Makes the payload.
    public init(transactionID: [UInt8]) { self.transactionID = transactionID }

    /// `BroadcastDone`.
    public static let messageName = "BroadcastDone"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(transactionID: [])
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            transactionID = try reader.bytes(field, "txid", exactly: WireSize.hash)
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) { writer.bytes(1, transactionID) }

    /// Refuses an id of another length than 32 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "txid", transactionID, WireSize.hash)
    }
}
