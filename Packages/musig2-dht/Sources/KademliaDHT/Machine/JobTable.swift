import Multiformats
import WireCodec

/// What the node does for itself when there is time.
enum BackgroundTask: Hashable, Sendable {
    /// Look for a key of a bucket, for a bootstrap or for itself.
    case refresh(prefix: Int, parent: UInt64?)
    case findSelf
    case renew(UInt64)
}

/// The jobs under way, by number, and the caller's operations, which are jobs or on their way to be one.
struct JobTable: Sendable {
    private let limits: Kademlia.Limits
    private var jobs: [UInt64: Job] = [:]
    private var lastID: UInt64 = 0
    /// The job of each operation; nil while there is none, since a value is looked at before.
    private var operations: [Kademlia.OperationID: UInt64?] = [:]
    private(set) var background: [BackgroundTask] = []
    private var backgroundJobs = 0

    init(_ limits: Kademlia.Limits) {
        self.limits = limits
    }

    /// Whether there are neither jobs nor operations.
    var isEmpty: Bool { jobs.isEmpty && operations.isEmpty }

    subscript(id: UInt64) -> Job? { jobs[id] }

    /// When a job is tried again, or has taken too long.
    func wakesAt(_ id: UInt64) -> Duration? { jobs[id]?.wakesAt }

    // MARK: Operations

    /// Why an operation may not begin; nil if it may.
    func failure(of operation: Kademlia.OperationID) -> Kademlia.OperationFailure? {
        if operations[operation] != nil { return .duplicateOperation }
        return operations.count < limits.operations ? nil : .tooMany
    }

    /// Notes an operation that has no job yet.
    mutating func reserve(_ operation: Kademlia.OperationID) { operations[operation] = .some(nil) }

    /// Forgets an operation that has no job.
    mutating func release(_ operation: Kademlia.OperationID) { operations[operation] = nil }

    /// What became of an operation that the caller does not want any more.
    enum Cancelled: Sendable {
        case unknown
        case withoutJob
        case job(Job)
    }

    mutating func cancel(_ operation: Kademlia.OperationID) -> Cancelled {
        guard let id = operations.removeValue(forKey: operation) else { return .unknown }
        return id.flatMap { jobs.removeValue(forKey: $0) }.map { .job($0) } ?? .withoutJob
    }

    // MARK: Jobs

    /// Adds a job; returns its number.
    mutating func add(_ job: Job) -> UInt64 {
        lastID += 1
        jobs[lastID] = job
        if let operation = job.purpose.operation { operations[operation] = lastID }
        if job.purpose.isBackground { backgroundJobs += 1 }
        return lastID
    }

    /// Changes a job where it is, or reads it without a copy; nil if there is none of this number.
    @discardableResult
    mutating func update<Result>(_ id: UInt64, _ change: (inout Job) -> Result) -> Result? {
        jobs.index(forKey: id).map { change(&jobs.values[$0]) }
    }

    /// Removes a job that is over, and its operation.
    mutating func remove(_ id: UInt64) -> Job? {
        guard let job = jobs.removeValue(forKey: id) else { return nil }
        if let operation = job.purpose.operation { operations[operation] = nil }
        if job.purpose.isBackground { backgroundJobs -= 1 }
        return job
    }

    // MARK: Steps of a job

    mutating func task(_ id: UInt64) -> Job.Task? { update(id) { $0.task } }

    /// Begins a lookup; returns when it has taken too long.
    mutating func startLookup(
        _ id: UInt64, knowing peers: PeerDirectory, avoidingGuests: Bool, at time: Duration
    ) -> Duration? {
        update(id) { $0.startLookup(knowing: peers, avoidingGuests: avoidingGuests, at: time) }
        return jobs[id]?.wakesAt
    }

    /// The next question of a job's lookup; nil when none may be asked now.
    mutating func nextQuestion(of id: UInt64, knowing peers: PeerDirectory) -> Job.Question? {
        update(id) { $0.nextQuestion(knowing: peers) } ?? nil
    }

    mutating func isLookupOver(of id: UInt64) -> Bool { update(id) { $0.lookup?.isOver == true } ?? false }

    /// Whether a lookup may end now, or must wait for values that are looked at; then it is not waited for otherwise.
    mutating func mayEndLookup(of id: UInt64) -> Bool {
        update(id) { job in
            guard job.lookup != nil else { return false }
            job.wakesAt = nil
            return job.review.mayEndLookup()
        } ?? false
    }

    /// Takes a job's lookup, which is over.
    mutating func takeLookup(of id: UInt64) -> DisjointLookup? {
        update(id) { job in
            let lookup = job.lookup
            job.lookup = nil
            return lookup
        } ?? nil
    }

    /// Counts the providers that a server named; returns those that are new.
    mutating func takeProviders(
        _ named: [KademliaMessage.Peer], from server: KademliaKey, for id: UInt64, knowing peers: PeerDirectory
    ) -> [Kademlia.Provider] {
        update(id) { $0.takeProviders(named, from: server, knowing: peers) } ?? []
    }

    /// Lets a job wait for another attempt; returns until when, or nil if there was the last one.
    mutating func retry(_ id: UInt64, at time: Duration, _ configuration: Kademlia.Configuration) -> Duration? {
        update(id) { $0.retry(at: time, configuration) } ?? nil
    }

    /// What is due of a job.
    enum Due: Hashable, Sendable {
        case lookupTakesTooLong
        case nextAttempt
    }

    /// What is due of a job at its time; nil if nothing is.
    mutating func due(_ id: UInt64, at time: Duration) -> Due? {
        update(id) { job in
            guard let wakesAt = job.wakesAt, wakesAt <= time else { return nil }
            job.wakesAt = nil
            if job.lookup != nil { return .lookupTakesTooLong }
            return job.storing == nil ? .nextAttempt : nil
        } ?? nil
    }

    /// A job that another one waits for is over; returns how many are left.
    mutating func childEnded(_ id: UInt64, _ child: Job.Task, _ outcome: Kademlia.Outcome) -> Int? {
        update(id) { job in
            job.children -= 1
            if case .findPeer(let peer) = child, case .peer(let contact?, _) = outcome {
                job.findings.providers.setAddresses(contact.addresses.map(\.bytes), of: peer)
            }
            return job.children
        }
    }

    // MARK: What the node does for itself

    mutating func enqueue(_ task: BackgroundTask) { background.append(task) }

    /// Takes what the node is to do next for itself, if there is room for one more.
    mutating func nextBackgroundTask() -> BackgroundTask? {
        guard backgroundJobs < limits.backgroundLookups, !background.isEmpty else { return nil }
        return background.removeFirst()
    }

    /// Whether the table's buckets are being refreshed, or wait for that.
    var isRefreshing: Bool {
        background.contains { task in
            if case .renew = task { false } else { true }
        }
    }
}
