import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// What is left of a finished session in memory: enough to answer signers that were away, and the application.
struct FinishedSession: Sendable {
    let stored: StoredCompletion
    /// How the session stood when it was finished; nil for those of former processes.
    var status: SessionStatus?
    /// The message keys with inboxes in which it was; none for those of former processes.
    let inboxes: [XOnlyPublicKey]
    /// The peers that showed a JOIN which names them, and the signers of those.
    private var bound: [PeerID: Set<Int>]
    private var answeredAt: [PeerID: Duration] = [:]

    /// A peer is answered once in this time: about one step of its own back-off.
    private static let answerInterval = Duration.milliseconds(200)

    init(
        _ stored: StoredCompletion, status: SessionStatus?, bound: [PeerID: Set<Int>] = [:],
        inboxes: [XOnlyPublicKey] = []
    ) {
        self.stored = stored
        self.status = status
        self.inboxes = inboxes
        self.bound = bound
    }

    var item: FrameItem {
        .signatureFinalized(
            SignatureFinalized(
                sessionID: stored.id.bytes,
                signatures: stored.signatures.map(\.rawRepresentation)
            ))
    }

    /// Whether this peer gets the signatures now.
    mutating func answers(_ peer: PeerID, at time: Duration) -> Bool {
        guard bound[peer] != nil else { return false }
        if let last = answeredAt[peer], time < last + Self.answerInterval { return false }
        answeredAt[peer] = time
        return true
    }

    /// What comes of a message to a finished session.
    enum Binding {
        case done
        case ignored
        case forged
    }

    /// Binds a peer that brings a valid JOIN of a signer: one that comes back as a new process.
    mutating func bind(_ peer: PeerID, by message: SignedMessage, limits: WireLimits) -> Binding {
        let index = Int(message.body.index)
        guard message.body.type == .join, stored.messageKeys.indices.contains(index),
            bound[peer]?.contains(index) != true
        else { return .ignored }
        do {
            let join = try Join(decoding: message.body.payload, limits: limits)
            guard join.peerID == peer.bytes else { return .ignored }
            let signature = try SchnorrSignature(rawRepresentation: message.signature)
            guard Tag.message.isValid(signature, for: message.bodyBytes, by: stored.messageKeys[index]) else {
                return .forged
            }
        } catch {
            return .forged
        }
        // Peers of former runs make room: a signer has one process at a time.
        if bound.count >= 2 * stored.messageKeys.count + 8 {
            bound = [:]
            answeredAt = [:]
        }
        bound[peer, default: []].insert(index)
        return .done
    }

    /// Notes that a signer says that it has the signatures, if it is at the peer that says so.
    mutating func noteFinal(_ signer: Int, from peer: PeerID) {
        guard bound[peer]?.contains(signer) == true else { return }
        status?.undelivered.removeAll { $0 == signer }
    }
}

/// The newest finished sessions, oldest forgotten first.
struct FinishedSessions: Sendable {
    private var sessions: [SessionID: FinishedSession] = [:]
    private var order: [SessionID] = []
    private var head = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { sessions.count }
    var ids: Dictionary<SessionID, FinishedSession>.Keys { sessions.keys }

    subscript(_ id: SessionID) -> FinishedSession? {
        get { sessions[id] }
        set {
            if newValue == nil || sessions[id] != nil { sessions[id] = newValue }
        }
        _modify { yield &sessions[id] }
    }

    /// Adds one.
    ///
    /// - Returns: Those that were forgotten for it.
    mutating func insert(_ session: FinishedSession) -> [SessionID] {
        guard sessions.updateValue(session, forKey: session.stored.id) == nil else { return [] }
        order.append(session.stored.id)
        var forgotten: [SessionID] = []
        while sessions.count > capacity, head < order.count {
            if sessions.removeValue(forKey: order[head]) != nil { forgotten.append(order[head]) }
            head += 1
        }
        compact()
        return forgotten
    }

    /// Forgets those that have expired.
    mutating func removeExpired(at wallMilliseconds: UInt64) -> [SessionID] {
        let expired = sessions.values.filter { $0.stored.expiresAt <= wallMilliseconds }.map(\.stored.id)
        guard !expired.isEmpty else { return [] }
        for id in expired { sessions[id] = nil }
        order = order[head...].filter { sessions[$0] != nil }
        head = 0
        return expired
    }

    private mutating func compact() {
        guard head > capacity else { return }
        order.removeFirst(head)
        head = 0
    }
}

extension StoredCompletion {
    /// What is stored of a session that is complete.
    init(_ entry: SessionEntry, _ signatures: [SchnorrSignature]) {
        let descriptor = entry.announced.descriptor
        self.init(
            id: descriptor.id, messageKeys: descriptor.messageKeys, expiresAt: descriptor.expiryMilliseconds,
            signatures: signatures)
    }
}
