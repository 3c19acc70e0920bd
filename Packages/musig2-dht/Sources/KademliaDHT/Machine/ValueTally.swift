/// What the servers that were asked say about a value. All values in it are valid.
struct ValueTally: Sendable {
    private(set) var best: [UInt8]?
    private(set) var age: Duration?
    /// Servers that returned the best value.
    private(set) var holders: Set<KademliaKey> = []
    /// Servers that returned a worse one.
    private(set) var stale: Set<KademliaKey> = []
    /// Servers that returned an invalid one. They get nothing from this node.
    private(set) var liars: Set<KademliaKey> = []
    /// What was looked at, and whether it is valid: so many as there is room for.
    private(set) var judged: [[UInt8]: Bool] = [:]

    /// Notes a server that returned an invalid value.
    mutating func addLiar(_ server: KademliaKey) { liars.insert(server) }

    /// Remembers what a value was found to be.
    mutating func judge(_ value: [UInt8], isValid: Bool, atMost limit: Int) {
        if judged.count < limit { judged[value] = isValid }
    }

    /// Counts a valid value; `holder` is nil for this node's own. `isBetter` says whether it is better than the best so far.
    mutating func add(_ value: [UInt8], from holder: KademliaKey?, age newAge: Duration?, isBetter: Bool) {
        if let best, value != best {
            if isBetter {
                stale.formUnion(holders)
                holders = []
                age = nil
                self.best = value
            } else {
                if let holder { stale.insert(holder) }
                return
            }
        }
        best = value
        if let holder { holders.insert(holder) }
        if let newAge { age = min(age ?? newAge, newAge) }
    }
}
