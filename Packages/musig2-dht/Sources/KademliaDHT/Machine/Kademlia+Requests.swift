import Multiformats
import WireCodec

// Requests of this node and what becomes of them.
extension Kademlia {
    mutating func send(_ message: KademliaMessage, _ request: PendingRequest, in context: inout Context) {
        let id = RequestID(requests.add(request))
        context.effects.append(
            .send(
                Request(
                    id: id, peer: request.peer, addresses: request.addresses.parsed, message: message,
                    expectsReply: message.kind != .addProvider, timeout: configuration.requestTimeout)))
    }

    /// Asks peers that wait for a probe.
    mutating func sendProbes(in context: inout Context) {
        while let probe = peers.nextProbe() {
            send(
                KademliaMessage(kind: .findNode, key: local.bytes),
                PendingRequest(peer: probe.peer, key: probe.key, addresses: probe.addresses, purpose: .probe),
                in: &context)
        }
    }

    /// A request is on its way: from now on it may become slow, or too late.
    mutating func started(_ id: RequestID, in context: inout Context) {
        guard let request = requests.start(id.rawValue, at: context.time) else { return }
        deadlines.add(.request(id.rawValue), at: context.time + configuration.requestTimeout)
        if case .lookup = request.purpose {
            deadlines.add(.slow(id.rawValue), at: context.time + configuration.slowAfter)
        }
    }

    mutating func responded(
        _ id: RequestID, from address: Multiaddr?, _ message: KademliaMessage, in context: inout Context
    ) {
        // A server may lie about where it is, and would count for the networks of others: an answer without the address of
        // its connection counts for nothing. Neither the server nor the one that named it is to blame.
        guard let address else { return requestFailed(id.rawValue, .notSent, in: &context) }
        guard let request = requests.remove(id.rawValue) else { return }
        peers.heard(at: context.time)
        if message.kind == .findNode { bootstrap.noteAnswer(request.key) }
        peers.answered(request, from: address, isGuest: isGuest(request), at: context.time)
        let message = peers.rules.believable(message, from: address)
        switch request.purpose {
        case .probe: peers.probeEnded(request.key)
        case .lookup(let job, let candidate):
            let groups = peers.rules.groups(of: address)
            lookupAnswered(job, candidate, from: groups, message, to: request, in: &context)
        case .store(let job, let value):
            storeEnded(job, isStored: value == nil || message.record?.value == value, in: &context)
        case .correction: break
        }
    }

    /// Whether a peer has come by itself before any that is vouched for has answered.
    private func isGuest(_ request: PendingRequest) -> Bool {
        guard case .probe = request.purpose, bootstrap.vouched.isAmongStrangers else { return false }
        return !peers.isTrusted(request.key) && bootstrap.vouched.contacts[request.key] == nil
    }

    /// A request without an answer was written.
    mutating func wasSent(_ id: RequestID, in context: inout Context) {
        guard let request = requests.remove(id.rawValue) else { return }
        switch request.purpose {
        case .store(let job, _): storeEnded(job, isStored: true, in: &context)
        case .probe: peers.probeEnded(request.key)
        case .lookup(let job, let candidate): lookupFailed(job, candidate, .malformed, in: &context)
        case .correction: break
        }
    }

    mutating func requestFailed(_ id: UInt64, _ failure: RequestFailure, in context: inout Context) {
        guard let request = requests.remove(id) else { return }
        let isRefusal = failure == .reset && request.purpose.isRecord
        if failure != .notSent, !isRefusal { peers.failed(request, failure) }
        switch request.purpose {
        case .probe: peers.probeEnded(request.key)
        case .lookup(let job, let candidate):
            if failure == .unsupported { findPeerReached(job, request, in: &context) }
            lookupFailed(job, candidate, failure, in: &context)
        case .store(let job, _): storeEnded(job, isStored: false, isRefused: isRefusal, in: &context)
        case .correction: break
        }
    }

    mutating func requestIsSlow(_ id: UInt64, in context: inout Context) {
        guard case .lookup(let job, let candidate)? = requests[id]?.purpose else { return }
        jobs.update(job) { $0.lookup?.slow(candidate) }
        advance(job, in: &context)
    }
}
