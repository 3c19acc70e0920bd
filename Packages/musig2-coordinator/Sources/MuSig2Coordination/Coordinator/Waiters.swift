import MuSig2Session
@_spi(Waiting) import PeerTransport
import Secp256k1

/// What the application wants of a session, and hears of once.
enum SessionWish: Sendable, Hashable {
    case join(SessionID)
    case decline(SessionID)
}

/// What became of a wish.
struct WishOutcome: Sendable {
    /// Why it did not come true; nil: it did.
    var error: CoordinatorError?
}

/// The tasks that wait for something of a session.
struct Waiters {
    private var wishes: [SessionWish: [OneShot<WishOutcome>]] = [:]
    private var lookups: [DiscoverySubject: [OneShot<Result<[SessionPreview], CoordinatorError>>]] = [:]
    private var completions: [SessionID: [OneShot<Result<[SchnorrSignature], CoordinatorError>>]] = [:]

    /// How many tasks wait.
    var count: Int {
        wishes.values.reduce(0) { $0 + $1.count } + lookups.values.reduce(0) { $0 + $1.count }
            + completions.values.reduce(0) { $0 + $1.count }
    }

    mutating func add(_ reply: OneShot<WishOutcome>, for wish: SessionWish) {
        Self.add(reply, to: &wishes[wish, default: []])
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

    /// A wish ended; nil: it came true.
    mutating func ended(_ wish: SessionWish, _ error: CoordinatorError?) {
        for reply in wishes.removeValue(forKey: wish) ?? [] { reply.set(WishOutcome(error: error)) }
    }

    mutating func lookupEnded(_ subject: DiscoverySubject, _ result: Result<[SessionPreview], CoordinatorError>) {
        for reply in lookups.removeValue(forKey: subject) ?? [] { reply.set(result) }
    }

    mutating func completed(_ session: SessionID, _ result: Result<[SchnorrSignature], CoordinatorError>) {
        for reply in completions.removeValue(forKey: session) ?? [] { reply.set(result) }
    }

    mutating func failAll(_ error: CoordinatorError) {
        for wish in wishes.keys { ended(wish, error) }
        for subject in lookups.keys { lookupEnded(subject, .failure(error)) }
        for session in completions.keys { completed(session, .failure(error)) }
    }

    /// Adds a reply, and lets go of those that no task waits for any more.
    private static func add<Value>(_ reply: OneShot<Value>, to replies: inout [OneShot<Value>]) {
        replies.removeAll(where: \.isAbandoned)
        replies.append(reply)
    }
}
