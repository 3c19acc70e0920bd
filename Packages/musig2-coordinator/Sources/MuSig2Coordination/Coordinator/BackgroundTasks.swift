import MuSig2Session

/// The tasks that a coordinator started and still waits for: questions to people, calls of the discovery.
struct BackgroundTasks {
    /// What is done for published keys.
    var publications = PublicationTasks()
    private var tasks: [UInt64: (session: SessionID?, task: Task<Void, Never>)] = [:]
    private var lastID: UInt64 = 0

    mutating func nextID() -> UInt64 {
        lastID &+= 1
        return lastID
    }

    mutating func add(_ task: Task<Void, Never>, id: UInt64, session: SessionID?) {
        tasks[id] = (session, task)
    }

    mutating func remove(_ id: UInt64) {
        tasks[id] = nil
    }

    mutating func cancel(_ session: SessionID) {
        guard !tasks.isEmpty else { return }
        for (_, entry) in tasks where entry.session == session { entry.task.cancel() }
    }

    /// Cancels all, and gives them to be waited for.
    mutating func cancelAll() -> [Task<Void, Never>] {
        let all = tasks.values.map(\.task)
        for task in all { task.cancel() }
        tasks = [:]
        return all
    }
}

/// What is done for each published key, one after the other: a key that is withdrawn while it is published ends withdrawn.
struct PublicationTasks {
    private var last: [DiscoveryKey: (id: UInt64, task: Task<Void, Never>)] = [:]

    subscript(_ key: DiscoveryKey) -> Task<Void, Never>? { last[key]?.task }

    /// The tasks under way.
    var all: [Task<Void, Never>] { last.values.map(\.task) }

    mutating func set(_ task: Task<Void, Never>, id: UInt64, of key: DiscoveryKey) {
        last[key] = (id, task)
    }

    mutating func ended(_ id: UInt64, of key: DiscoveryKey) {
        if last[key]?.id == id { last[key] = nil }
    }
}

/// The one sleeping task that wakes the coordinator when something is due.
struct TimerSlot {
    var task: Task<Void, Never>?
    var armedFor: Duration?
    var generation: UInt64 = 0
}
