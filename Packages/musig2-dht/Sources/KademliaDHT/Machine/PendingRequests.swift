import Multiformats
import WireCodec

/// A request of this node that has not been answered.
struct PendingRequest: Sendable {
    enum Purpose: Sendable {
        /// Whether the peer serves, or still serves.
        case probe
        case lookup(job: UInt64, CandidateID)
        /// A record for a job; of a value, which one, so that the echo is compared.
        case store(job: UInt64, value: [UInt8]?)
        /// A better value for a server that had a worse one or none.
        case correction

        /// Whether it is a record that the server may not want. Others refuse it with a reset, as go does with values of namespaces
        /// that it does not know: that says nothing of how well the server serves.
        var isRecord: Bool {
            switch self {
            case .probe, .lookup: false
            case .store, .correction: true
            }
        }
    }

    let peer: PeerID
    let key: KademliaKey
    let addresses: PeerAddresses
    let purpose: Purpose
    /// When it was sent; nil while it waits for that.
    fileprivate(set) var startedAt: Duration?
}

/// The requests of this node that have not been answered, by number.
struct PendingRequests: Sendable {
    private var requests: [UInt64: PendingRequest] = [:]
    private var lastID: UInt64 = 0

    var count: Int { requests.count }
    var isEmpty: Bool { requests.isEmpty }

    subscript(id: UInt64) -> PendingRequest? { requests[id] }

    /// Adds a request; returns its number.
    mutating func add(_ request: PendingRequest) -> UInt64 {
        lastID += 1
        requests[lastID] = request
        return lastID
    }

    /// Notes that a request is on its way; returns it, unless it was before.
    mutating func start(_ id: UInt64, at time: Duration) -> PendingRequest? {
        guard let request = requests[id], request.startedAt == nil else { return nil }
        requests[id]?.startedAt = time
        return request
    }

    mutating func remove(_ id: UInt64) -> PendingRequest? { requests.removeValue(forKey: id) }
}
