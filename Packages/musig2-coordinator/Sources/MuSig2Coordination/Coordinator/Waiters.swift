import MuSig2Session
@_spi(Waiting) import PeerTransport
import Secp256k1

/// The tasks that wait for something of a session.
struct Waiters {
    private var joins: [SessionID: [OneShot<JoinOutcome>]] = [:]
    private var declines: [SessionID: [OneShot<JoinOutcome>]] = [:]
    private var lookups: [DiscoverySubject: [OneShot<Result<[SessionPreview], CoordinatorError>>]] = [:]
    private var completions: [SessionID: [OneShot<Result<[SchnorrSignature], CoordinatorError>>]] = [:]

    /// How many tasks wait.
    var count: Int {
        joins.values.reduce(0) { $0 + $1.count } + declines.values.reduce(0) { $0 + $1.count }
            + lookups.values.reduce(0) { $0 + $1.count }
            + completions.values.reduce(0) { $0 + $1.count }
    }

    mutating func addJoin(_ session: SessionID, _ reply: OneShot<JoinOutcome>) {
        Self.add(reply, to: &joins[session, default: []])
    }

    mutating func addDecline(_ session: SessionID, _ reply: OneShot<JoinOutcome>) {
        Self.add(reply, to: &declines[session, default: []])
    }

    mutating func addLookup(_ subject: DiscoverySubject, _ reply: OneShot<Result<[SessionPreview], CoordinatorError>>) {
        Self.add(reply, to: &lookups[subject, default: []])
    }

    mutating func addCompletion(
        _ session: SessionID,
        _ reply: OneShot<Result<[SchnorrSignature], CoordinatorError>>
    ) {
        Self.add(reply, to: &completions[session, default: []])
    }

    mutating func joined(_ session: SessionID, _ error: CoordinatorError?) {
        for reply in joins.removeValue(forKey: session) ?? [] { reply.set(JoinOutcome(error: error)) }
    }

    mutating func declined(_ session: SessionID, _ error: CoordinatorError?) {
        for reply in declines.removeValue(forKey: session) ?? [] { reply.set(JoinOutcome(error: error)) }
    }

    mutating func lookupEnded(_ subject: DiscoverySubject, _ result: Result<[SessionPreview], CoordinatorError>) {
        for reply in lookups.removeValue(forKey: subject) ?? [] { reply.set(result) }
    }

    mutating func completed(_ session: SessionID, _ result: Result<[SchnorrSignature], CoordinatorError>) {
        for reply in completions.removeValue(forKey: session) ?? [] { reply.set(result) }
    }

    mutating func failAll(_ error: CoordinatorError) {
        for session in joins.keys { joined(session, error) }
        for session in declines.keys { declined(session, error) }
        for subject in lookups.keys { lookupEnded(subject, .failure(error)) }
        for session in completions.keys { completed(session, .failure(error)) }
    }

    /// Adds a reply, and lets go of those whose task gave up.
    private static func add<Value>(_ reply: OneShot<Value>, to replies: inout [OneShot<Value>]) {
        replies.removeAll(where: \.isAbandoned)
        replies.append(reply)
    }
}
