public import KademliaDHT

extension Kademlia {
    /// Carries out the checks among some effects at once, and those that follow; returns what the machine wants then.
    public mutating func carryOutChecks(
        _ effects: [Effect], by namespaces: [String: any RecordRules], at now: Now
    ) -> [Effect] {
        var all: [Effect] = []
        var waiting = effects
        while !waiting.isEmpty {
            var next: [Effect] = []
            for case .check(let check) in waiting {
                let result = check.carryOut(by: namespaces, wallMilliseconds: now.wallMilliseconds)
                next += handle(.checked(check.id, result), at: now)
            }
            all += next
            waiting = next
        }
        return all
    }
}
