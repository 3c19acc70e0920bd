/// The values that servers returned to a lookup and that were not looked at yet: one at a time is.
struct ValueReview: Sendable {
    /// A value, and the servers that returned it; nil for this node's own.
    struct Unchecked: Sendable {
        let value: [UInt8]
        fileprivate(set) var holders: [(key: KademliaKey?, age: Duration?)]
    }

    private let limit: Int
    private var waiting: [Unchecked] = []
    private var isChecking = false
    /// The lookup is over as soon as all are looked at.
    private var endsLookup = false

    /// - Parameter limit: The most different values.
    init(limit: Int) {
        self.limit = limit
    }

    /// Adds a value that a server returned.
    mutating func add(_ value: [UInt8], from holder: KademliaKey?, age: Duration?) {
        if let index = waiting.firstIndex(where: { $0.value == value }) {
            waiting[index].holders.append((holder, age))
        } else if waiting.count < limit {
            waiting.append(Unchecked(value: value, holders: [(holder, age)]))
        }
    }

    /// The next value to look at; nil while one is.
    mutating func next() -> [UInt8]? {
        guard !isChecking, let next = waiting.first else { return nil }
        isChecking = true
        return next.value
    }

    /// A value was looked at; returns it.
    mutating func end() -> Unchecked? {
        isChecking = false
        return waiting.isEmpty ? nil : waiting.removeFirst()
    }

    /// The lookup is over; returns whether it may end, or must wait for what is looked at.
    mutating func mayEndLookup() -> Bool {
        endsLookup = !waiting.isEmpty
        return !endsLookup
    }

    /// Whether a lookup that is over has waited for this review, which has come to its end.
    var hasHeldUpLookup: Bool { !isChecking && endsLookup }
}
