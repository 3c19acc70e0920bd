import Multiformats
import WireCodec

/// A value that is being looked at.
struct PendingCheck: Sendable {
    /// A request that waits for it.
    struct Asker: Sendable {
        let id: Kademlia.InboundID
        let peer: PeerID
        let address: Multiaddr?
    }

    enum Purpose: Sendable {
        /// Others want it stored. The network is that of the first, which was charged.
        case requests([Asker], network: NetworkGroup?)
        /// Servers returned it to a lookup.
        case lookup(job: UInt64)
        /// The caller publishes it.
        case put(Kademlia.OperationID, lifetime: Duration)
    }

    let check: Kademlia.Check
    var purpose: Purpose
}

// Values that are looked at beside the machine.
extension Kademlia {
    mutating func check(
        _ value: [UInt8], at key: [UInt8], against rival: [UInt8]?, validUntil: UInt64? = nil,
        for purpose: PendingCheck.Purpose, in context: inout Context
    ) {
        nextCheck += 1
        let check = Check(
            id: CheckID(rawValue: nextCheck), key: key, value: value, rival: rival, validUntil: validUntil)
        checks[nextCheck] = PendingCheck(check: check, purpose: purpose)
        context.effects.append(.check(check))
    }

    mutating func checked(_ id: CheckID, _ result: CheckResult, in context: inout Context) {
        guard let pending = checks.removeValue(forKey: id.rawValue) else { return }
        let check = pending.check
        switch pending.purpose {
        case .lookup(let job): lookupChecked(job, result, in: &context)
        case .requests(let askers, _):
            guard !compareAgain(pending, result, in: &context) else { return }
            for asker in askers { end(asker, check, result, in: &context) }
        case .put(let operation, let lifetime):
            guard !compareAgain(pending, result, in: &context) else { return }
            operations[operation] = nil
            switch result {
            case .invalid: context.effects.append(.completed(operation, .failed(.invalidValue)))
            case .valid(_, .worse): context.effects.append(.completed(operation, .failed(.olderValue)))
            case .valid(let end, _): put(operation, check.key, check.value, validUntil: end, lifetime, in: &context)
            }
        }
    }

    /// What is known under the key may have changed meanwhile: then a valid value is compared with that, and with nothing else
    /// looked at.
    private mutating func compareAgain(
        _ pending: PendingCheck, _ result: CheckResult, in context: inout Context
    ) -> Bool {
        guard case .valid(let end, _) = result, let own = ownValue(pending.check.key, context.now)?.value,
            own != pending.check.rival, own != pending.check.value
        else { return false }
        check(
            pending.check.value, at: pending.check.key, against: own, validUntil: end, for: pending.purpose,
            in: &context)
        return true
    }

    // MARK: Requests

    /// Lets a value be looked at that a peer wants stored, if the peer's network may cost that, and not too much is under way.
    mutating func check(
        _ record: KademliaMessage.Record, for asker: PendingCheck.Asker, by rules: any RecordRules,
        in context: inout Context
    ) -> Refusal? {
        let network = asker.address.flatMap { isExempt($0) ? nil : NetworkGroup($0).widest }
        var (all, ofNetwork) = (0, 0)
        for (id, pending) in checks {
            guard case .requests(var askers, let other) = pending.purpose else { continue }
            if pending.check.value == record.value, pending.check.key == record.key {
                // It is being looked at already.
                guard askers.count < configuration.limits.askersPerCheck else { return .tooOften }
                askers.append(asker)
                checks[id]?.purpose = .requests(askers, network: other)
                return nil
            }
            all += 1
            if network != nil, network == other { ofNetwork += 1 }
        }
        let limits = configuration.limits
        guard all < limits.checks, ofNetwork < limits.checksPerNetwork,
            checkAllowance.take(rules.work(of: record.value, at: record.key), of: network, at: context.time)
        else { return .tooOften }
        check(
            record.value, at: record.key, against: ownValue(record.key, context.now)?.value,
            for: .requests([asker], network: network), in: &context)
        return nil
    }

    private mutating func end(
        _ asker: PendingCheck.Asker, _ check: Check, _ result: CheckResult, in context: inout Context
    ) {
        let refusal: Refusal
        switch result {
        case _ where mode != .server: refusal = .notServing
        case .invalid: refusal = .invalidValue
        case .valid(_, .worse): refusal = .olderValue
        case .valid(let end, _):
            if keep(check.value, at: check.key, validUntil: end, from: asker.peer, at: asker.address, context.now) {
                let record = KademliaMessage.Record(key: check.key, value: check.value)
                context.effects.append(
                    .reply(asker.id, KademliaMessage(kind: .putValue, key: check.key, record: record)))
                return
            }
            refusal = .storeFull
        }
        context.effects.append(.refuse(asker.id, refusal))
    }

    // MARK: Lookups

    /// Lets the next value be looked at that a server returned, one of a lookup at a time.
    mutating func checkNext(of job: inout Job, in context: inout Context) {
        guard !job.isDone, !job.isChecking, let next = job.unchecked.first else { return }
        job.isChecking = true
        check(next.value, at: job.key, against: job.values.best, for: .lookup(job: job.id), in: &context)
    }

    private mutating func lookupChecked(_ id: UInt64, _ result: CheckResult, in context: inout Context) {
        guard var job = jobs.removeValue(forKey: id) else { return }
        job.isChecking = false
        if !job.unchecked.isEmpty {
            let looked = job.unchecked.removeFirst()
            job.values.judge(
                looked.value, isValid: result != .invalid, atMost: configuration.limits.judgedValuesPerLookup)
            switch result {
            case .invalid: job.values.liars.formUnion(looked.holders.compactMap(\.key))
            case .valid(_, let standing):
                for holder in looked.holders {
                    job.values.add(looked.value, from: holder.key, age: holder.age, isBetter: standing == .better)
                }
                endGetEarly(&job, in: &context)
            }
        }
        checkNext(of: &job, in: &context)
        // The lookup may have ended while this was looked at.
        if !job.isDone, !job.isChecking, job.isEnding { endLookup(&job, in: &context) }
        keep(job)
    }

    // MARK: What the caller publishes

    /// Gives up values of a key that are looked at for the caller.
    mutating func stopChecking(_ key: [UInt8], in context: inout Context) {
        for id in checks.keys.sorted() {
            guard let pending = checks[id], pending.check.key == key, case .put(let operation, _) = pending.purpose
            else {
                continue
            }
            checks[id] = nil
            operations[operation] = nil
            context.effects.append(.completed(operation, .failed(.invalidValue)))
        }
    }

    /// Gives up what is looked at for an operation.
    mutating func stopChecking(for operation: OperationID) {
        checks = checks.filter { _, pending in
            if case .put(operation, _) = pending.purpose { false } else { true }
        }
    }
}
