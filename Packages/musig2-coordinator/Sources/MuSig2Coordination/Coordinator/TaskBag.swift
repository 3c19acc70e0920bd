import MuSig2Session

/// The tasks that a coordinator started and still waits for: questions to people, calls of the discovery.
struct TaskBag {
    private var tasks: [UInt64: (session: SessionID?, task: Task<Void, Never>)] = [:]
    private var nextTicket: UInt64 = 0

    mutating func ticket() -> UInt64 {
        nextTicket &+= 1
        return nextTicket
    }

    mutating func add(_ task: Task<Void, Never>, ticket: UInt64, session: SessionID?) {
        tasks[ticket] = (session, task)
    }

    mutating func remove(_ ticket: UInt64) {
        tasks[ticket] = nil
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

/// What is done for each published place, one after the other: a place that is withdrawn while it is published ends withdrawn.
struct PlaceTasks {
    private var last: [DiscoveryPlace: (ticket: UInt64, task: Task<Void, Never>)] = [:]

    subscript(_ place: DiscoveryPlace) -> Task<Void, Never>? { last[place]?.task }

    /// The tasks under way.
    var all: [Task<Void, Never>] { last.values.map(\.task) }

    mutating func set(_ task: Task<Void, Never>, ticket: UInt64, of place: DiscoveryPlace) {
        last[place] = (ticket, task)
    }

    mutating func ended(_ ticket: UInt64, of place: DiscoveryPlace) {
        if last[place]?.ticket == ticket { last[place] = nil }
    }
}

/// The one sleeping task that wakes the coordinator when something is due.
struct TimerSlot {
    var task: Task<Void, Never>?
    var armedFor: Duration?
    var generation: UInt64 = 0
}
