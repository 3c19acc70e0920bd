extension Kademlia {
    /// A value that is to be looked at, beside the machine: that costs far more than a call of the machine may take.
    ///
    /// Carry it out where nobody waits for it, one after another, and tell the result by ``Input/checked(_:_:)``.
    public struct Check: Hashable, Sendable {
        /// Its name.
        public let id: CheckID
        /// The whole key, with the namespace.
        public let key: [UInt8]
        /// What is looked at.
        public let value: [UInt8]
        /// The valid value that it is compared with, if there is one.
        public let rival: [UInt8]?
        /// Until when it is valid, where that is known from an earlier look, in milliseconds since 1970.
        let validUntil: UInt64?

        /// Looks at the value. Takes as long as the rules take.
        ///
        /// - Parameters:
        ///   - namespaces: The rules of values by namespace, those that the machine was made with.
        ///   - wallMilliseconds: The time, in milliseconds since 1970.
        /// - Returns: What to tell the machine.
        public func carryOut(
            by namespaces: [String: any RecordRules], wallMilliseconds: UInt64
        ) -> CheckResult {
            guard let rules = Server.namespace(key).flatMap({ namespaces[$0] }),
                let end = validUntil ?? rules.validUntil(value, at: key, wallMilliseconds: wallMilliseconds),
                end > wallMilliseconds
            else { return .invalid }
            guard let rival, rival != value else { return .valid(until: end, .equal) }
            if rules.isBetter(value, than: rival, at: key) { return .valid(until: end, .better) }
            return .valid(until: end, rules.isBetter(rival, than: value, at: key) ? .worse : .equal)
        }
    }

    /// The name of a ``Check``.
    public struct CheckID: Hashable, Sendable {
        let rawValue: UInt64
    }

    /// What a ``Check`` has found.
    public enum CheckResult: Hashable, Sendable {
        /// The rules do not allow the value.
        case invalid
        /// They do until then, in milliseconds since 1970; and what it is beside its rival.
        case valid(until: UInt64, Standing)
    }

    /// What a value is beside its rival.
    public enum Standing: UInt8, Hashable, Sendable, CaseIterable {
        /// It is better.
        case better
        /// Neither is better, or there is no rival.
        case equal
        /// The rival is better.
        case worse
    }
}
