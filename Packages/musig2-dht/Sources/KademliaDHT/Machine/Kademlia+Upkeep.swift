import Multiformats
import WireCodec

// What the node does by itself: bootstrap, refresh, cleaning up.
extension Kademlia {
    mutating func begin(in context: inout Context) {
        deadlines.add(.refresh, at: context.time + generator.jitter(configuration.refreshInterval))
        deadlines.add(.cleanup, at: context.time + configuration.cleanupInterval)
        if configuration.bootstrapsAutomatically, !configuration.bootstrapPeers.isEmpty {
            deadlines.add(.bootstrap, at: context.time)
        }
    }

    mutating func runTimers(in context: inout Context) {
        while let (time, timer) = deadlines.first {
            if time > context.time, isWaitedFor(timer, time) { return }
            deadlines.removeFirst()
            if time <= context.time { fire(timer, in: &context) }
        }
    }

    /// Whether anything still waits for a timer.
    private func isWaitedFor(_ timer: Deadlines.Timer, _ time: Duration) -> Bool {
        switch timer {
        case .slow(let id), .request(let id): requests[id] != nil
        case .job(let id): jobs[id]?.wakesAt == time
        case .publication(let id): publications[id]?.wakesAt == time
        case .start, .bootstrap, .refresh, .cleanup, .addresses: true
        }
    }

    private mutating func fire(_ timer: Deadlines.Timer, in context: inout Context) {
        switch timer {
        case .start: begin(in: &context)
        case .slow(let id): requestIsSlow(id, in: &context)
        case .request(let id): requestFailed(id, .timedOut, in: &context)
        case .job(let id): jobIsDue(id, in: &context)
        case .publication(let id): publicationIsDue(id, in: &context)
        case .addresses:
            if addressesChangedAt.map({ $0 + configuration.addressSettling <= context.time }) == true {
                addressesChangedAt = nil
                renewProviders(in: &context)
            }
        case .bootstrap: bootstrapByItself(in: &context)
        case .refresh:
            refresh(in: &context)
            deadlines.add(.refresh, at: context.time + generator.jitter(configuration.refreshInterval))
        case .cleanup:
            providers.removeExpired(at: context.time)
            values.removeExpired(at: context.now)
            deadlines.add(.cleanup, at: context.time + configuration.cleanupInterval)
        }
    }

    /// Starts what waits for its turn: a bootstrap that has become possible, probes, lookups of the node's own.
    mutating func startWaiting(in context: inout Context) {
        if table.liveCount == 0, hasBootstrapped {
            hasBootstrapped = false
            vouched.reset()
            bootstrapDelay = configuration.retryDelay
            if configuration.bootstrapsAutomatically { deadlines.add(.bootstrap, at: context.time + bootstrapDelay) }
        }
        if configuration.bootstrapsAutomatically, !hasBootstrapped, !isBootstrapPlanned, table.liveCount > 0 {
            bootstrapByItself(in: &context)
        }
        if configuration.bootstrapsAutomatically, bootstrapJob == nil, !isBootstrapPlanned, isSurrounded() {
            bootstrapAgain(in: &context)
        }
        while backgroundJobs < configuration.limits.backgroundLookups, !background.isEmpty {
            switch background.removeFirst() {
            case .findSelf: startJob(.closestPeers(local.bytes), isBackground: true, in: &context)
            case .refresh(let prefix, let parent):
                startJob(.refresh(randomKey(prefix)), parent: parent, isBackground: true, in: &context)
            case .renew(let id): startRenewal(id, in: &context)
            }
        }
        sendProbes(in: &context)
    }

    mutating func setMode(_ mode: Mode) {
        self.mode = mode
        guard mode == .client else { return }
        providers.removeAll()
        values.removeAll()
    }

    mutating func setLocalAddresses(_ addresses: [Multiaddr], in context: inout Context) {
        let peerAddresses = peerAddresses(of: local, addresses)
        guard peerAddresses.binary != localAddresses else { return }
        localAddresses = peerAddresses.binary
        addressesChangedAt = context.time
        deadlines.add(.addresses, at: context.time + configuration.addressSettling)
    }
}

// Bootstrap and refresh.
extension Kademlia {
    private mutating func bootstrapByItself(in context: inout Context) {
        guard bootstrapJob == nil, !hasBootstrapped || isSurrounded() else { return }
        isBootstrapPlanned = true
        if isSurrounded() { probeVouched() }
        // The job may end at once, when nobody can be asked; its id is the next one.
        bootstrapJob = nextJob + 1
        startJob(.bootstrap, in: &context)
    }

    /// Whether it has bootstrapped, but not by way of anybody that is vouched for: then it tries again.
    private mutating func isSurrounded() -> Bool { [.vouchedPeers, .networks].contains(lack()) }

    /// Tries again after a while, later each time.
    mutating func bootstrapAgain(in context: inout Context) {
        isBootstrapPlanned = true
        deadlines.add(.bootstrap, at: context.time + generator.jitter(bootstrapDelay))
        bootstrapDelay = min(bootstrapDelay * 2, configuration.refreshInterval)
    }

    mutating func bootstrapEnded(_ outcome: Outcome, in context: inout Context) {
        bootstrapJob = nil
        isBootstrapPlanned = false
        guard case .failed = outcome, !configuration.bootstrapPeers.isEmpty else { return }
        bootstrapAgain(in: &context)
    }

    /// The node has found its neighbours; now the buckets that hold those farther away.
    mutating func endSelfLookup(_ job: inout Job, in context: inout Context) {
        if !hasBootstrapped { bootstrapDelay = configuration.retryDelay }
        hasBootstrapped = true
        let prefixes = table.prefixesToRefresh
        job.children = prefixes
        guard prefixes > 0 else {
            complete(&job, .bootstrapped(servers: table.liveCount), in: &context)
            return
        }
        for prefix in 0..<prefixes { background.append(.refresh(prefix: prefix, parent: job.id)) }
    }

    private mutating func refresh(in context: inout Context) {
        for contact in configuration.bootstrapPeers {
            let key = kademliaKey(of: contact.peer.bytes)
            if !isLive(key) { probe(contact.peer, key, peerAddresses(of: contact.peer, contact.addresses)) }
        }
        guard table.count > 0 else { return }
        for bucket in table.buckets {
            for entry in bucket.entries
            where !entry.isLive || context.time - entry.lastSeen >= configuration.livenessAge { probe(entry) }
        }
        let isRefreshing = background.contains { task in
            if case .refresh = task { true } else { task == .findSelf }
        }
        guard !isRefreshing else { return }
        background.append(.findSelf)
        for prefix in 0..<table.prefixesToRefresh {
            if prefix < table.buckets.count - 1,
                context.time - table.buckets[prefix].lastLookup < configuration.refreshInterval / 2
            {
                continue
            }
            background.append(.refresh(prefix: prefix, parent: nil))
        }
    }

    /// A key whose place shares a prefix of exactly so many bits with this node's: the preimage of a random place is not
    /// known, so keys are tried; for long prefixes a peer of that bucket serves.
    mutating func randomKey(_ prefix: Int) -> [UInt8] {
        if prefix <= 6 {
            for _ in 0..<1_024 {
                let key = randomKey()
                if (kademliaKey(of: key) ^ localKey).leadingZeroBitCount == prefix { return key }
            }
        }
        if table.buckets.indices.contains(prefix),
            let entry = table.buckets[prefix].entries.randomElement(using: &generator)
        {
            return entry.peer.bytes
        }
        return randomKey()
    }

    /// A random key in the form of a multihash, which all implementations accept.
    private mutating func randomKey() -> [UInt8] {
        var key: [UInt8] = [0x12, 0x20]
        for _ in 0..<4 {
            let word = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) { key.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
        }
        return key
    }
}
