import Multiformats
import PeerTransport

/// Which names are looked up next, and what is known of those that led nowhere. A value without threads or clock.
///
/// A look-up cannot be stopped once it has begun, and one for a name of a hostile server takes as long as that server likes. So
/// names that strangers gave have few places of their own, one for each domain and for each peer that is looked for, and those
/// that the user gave have others.
struct NameQueue {
    /// Bounds of a queue.
    struct Limits {
        /// Look-ups at once for names that strangers gave.
        var strangers = 4
        /// Look-ups at once for names that the user gave.
        var users = 4
        /// Names of strangers that wait; above it new ones are refused.
        var waitingStrangers = 64
        /// Names of the user that wait.
        var waitingUsers = 256
        /// How long it is remembered that a name has no address.
        var failureLifetime: Duration = .seconds(60)
        /// The most names of which that is remembered; above it the oldest goes.
        var failures = 512
    }

    /// A name, and which addresses of it.
    struct Question: Hashable {
        let name: String
        /// `AF_INET`, `AF_INET6`, or `AF_UNSPEC` for both.
        let family: CInt

        init(_ name: String, family: CInt) {
            var text = name.lowercased()
            if text.hasSuffix(".") { text.removeLast() }
            self.name = text
            self.family = family
        }

        /// The last two labels: their owner answers for all names below.
        var domain: String { name.split(separator: ".").suffix(2).joined(separator: ".") }
    }

    typealias Ticket = UInt64

    /// What becomes of somebody that asks.
    enum Entry: Equatable {
        /// The answer comes.
        case waits
        /// It has none, as was found a short while ago.
        case failed(TransportError)
        /// Too many names wait.
        case refused
    }

    private struct Lookup {
        var source: AddressSource
        var tickets: Set<Ticket>
        /// The peer that is to be there, where that is known: of one that asked first.
        let peer: PeerID?
        /// Which comes first.
        let number: UInt64
        /// The source of which it takes the place while it runs; nil while it waits.
        var runsFor: AddressSource?
    }

    private struct Failure {
        let error: TransportError
        let until: Duration
    }

    let limits: Limits
    private var lookups: [Question: Lookup] = [:]
    private var failures: [Question: Failure] = [:]
    private var nextNumber: UInt64 = 0

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Look-ups that wait and that run.
    var count: Int { lookups.count }
    var failureCount: Int { failures.count }

    /// Counts somebody that asks for a name, at which a peer is to be.
    mutating func ask(
        _ question: Question, from source: AddressSource, of peer: PeerID? = nil, ticket: Ticket, at now: Duration
    ) -> Entry {
        if var lookup = lookups[question] {
            lookup.tickets.insert(ticket)
            if source == .user { lookup.source = .user }
            lookups[question] = lookup
            return .waits
        }
        if let failure = failures[question] {
            if failure.until > now { return .failed(failure.error) }
            failures[question] = nil
        }
        let waiting = lookups.values.count { $0.runsFor == nil && $0.source == source }
        guard waiting < (source == .user ? limits.waitingUsers : limits.waitingStrangers) else { return .refused }
        nextNumber += 1
        lookups[question] = Lookup(source: source, tickets: [ticket], peer: peer, number: nextNumber)
        return .waits
    }

    /// Somebody does not want the answer any more: a look-up that has not begun, and that nobody wants, is none.
    mutating func cancel(_ ticket: Ticket, _ question: Question) {
        guard var lookup = lookups[question] else { return }
        lookup.tickets.remove(ticket)
        lookups[question] = lookup.tickets.isEmpty && lookup.runsFor == nil ? nil : lookup
    }

    /// Takes the next name that may be looked up now, those of the user first.
    mutating func next() -> Question? {
        var running: (users: Int, strangers: Int) = (0, 0)
        var domains: Set<String> = []
        var peers: Set<PeerID> = []
        for (question, lookup) in lookups {
            switch lookup.runsFor {
            case .user: running.users += 1
            case .stranger:
                running.strangers += 1
                domains.insert(question.domain)
                if let peer = lookup.peer { peers.insert(peer) }
            case nil: break
            }
        }
        let ready = lookups.filter { question, lookup in
            guard lookup.runsFor == nil else { return false }
            return lookup.source == .user
                ? running.users < limits.users
                : running.strangers < limits.strangers && !domains.contains(question.domain)
                    && !(lookup.peer.map(peers.contains) ?? false)
        }
        let first = ready.min { left, right in
            left.value.source != right.value.source
                ? left.value.source == .user : left.value.number < right.value.number
        }
        guard let first else { return nil }
        lookups[first.key]?.runsFor = first.value.source
        return first.key
    }

    /// A look-up has ended.
    ///
    /// - Returns: Those that want the answer.
    mutating func ended(_ question: Question, failure: TransportError?, at now: Duration) -> Set<Ticket> {
        guard let lookup = lookups.removeValue(forKey: question) else { return [] }
        if let failure, limits.failures > 0 {
            if failures.count >= limits.failures {
                failures = failures.filter { $0.value.until > now }
                let oldest = failures.min { $0.value.until < $1.value.until }
                if failures.count >= limits.failures, let oldest { failures[oldest.key] = nil }
            }
            failures[question] = Failure(error: failure, until: now + limits.failureLifetime)
        }
        return lookup.tickets
    }
}
