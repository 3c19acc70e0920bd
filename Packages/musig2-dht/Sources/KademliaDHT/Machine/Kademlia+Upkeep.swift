import Multiformats
import WireCodec

// What the node does by itself: bootstrap, refresh, cleaning up.
extension Kademlia {
    mutating func begin(_ turn: inout Turn) {
        deadlines.add(.refresh, at: turn.time + generator.jitter(configuration.refreshInterval))
        deadlines.add(.cleanup, at: turn.time + configuration.cleanupInterval)
        if configuration.bootstrapsAutomatically, !configuration.bootstrapPeers.isEmpty {
            deadlines.add(.bootstrap, at: turn.time)
        }
    }

    mutating func runTimers(_ turn: inout Turn) {
        while let (time, timer) = deadlines.first {
            if time > turn.time, isWaitedFor(timer, time) { return }
            deadlines.removeFirst()
            if time <= turn.time { fire(timer, &turn) }
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

    private mutating func fire(_ timer: Deadlines.Timer, _ turn: inout Turn) {
        switch timer {
        case .start: begin(&turn)
        case .slow(let id): requestIsSlow(id, &turn)
        case .request(let id): requestFailed(id, .timedOut, &turn)
        case .job(let id): jobIsDue(id, &turn)
        case .publication(let id): publicationIsDue(id, &turn)
        case .addresses:
            if addressesChangedAt.map({ $0 + configuration.addressSettling <= turn.time }) == true {
                addressesChangedAt = nil
                renewProviders(&turn)
            }
        case .bootstrap: bootstrapByItself(&turn)
        case .refresh:
            refresh(&turn)
            deadlines.add(.refresh, at: turn.time + generator.jitter(configuration.refreshInterval))
        case .cleanup:
            providers.removeExpired(at: turn.time)
            values.removeExpired(at: turn.now)
            deadlines.add(.cleanup, at: turn.time + configuration.cleanupInterval)
        }
    }

    /// Starts what waits for its turn: a bootstrap that has become possible, probes, lookups of the node's own.
    mutating func startWaiting(_ turn: inout Turn) {
        if table.liveCount == 0, hasBootstrapped {
            hasBootstrapped = false
            vouched.reset()
            bootstrapDelay = configuration.retryDelay
            if configuration.bootstrapsAutomatically { deadlines.add(.bootstrap, at: turn.time + bootstrapDelay) }
        }
        if configuration.bootstrapsAutomatically, !hasBootstrapped, !isBootstrapPlanned, table.liveCount > 0 {
            bootstrapByItself(&turn)
        }
        if configuration.bootstrapsAutomatically, bootstrapJob == nil, !isBootstrapPlanned, isSurrounded() {
            bootstrapAgain(&turn)
        }
        while backgroundJobs < configuration.limits.backgroundLookups, !background.isEmpty {
            switch background.removeFirst() {
            case .findSelf: startJob(.closestPeers(local.bytes), isBackground: true, &turn)
            case .refresh(let prefix, let parent):
                startJob(.refresh(randomKey(prefix)), parent: parent, isBackground: true, &turn)
            case .renew(let id): startRenewal(id, &turn)
            }
        }
        sendProbes(&turn)
    }

    mutating func setMode(_ mode: Mode) {
        self.mode = mode
        guard mode == .client else { return }
        providers.removeAll()
        values.removeAll()
    }

    mutating func setLocalAddresses(_ addresses: [Multiaddr], _ turn: inout Turn) {
        let peerAddresses = peerAddresses(of: local, addresses)
        guard peerAddresses.binary != localAddresses else { return }
        localAddresses = peerAddresses.binary
        addressesChangedAt = turn.time
        deadlines.add(.addresses, at: turn.time + configuration.addressSettling)
    }
}

// Bootstrap and refresh.
extension Kademlia {
    private mutating func bootstrapByItself(_ turn: inout Turn) {
        guard bootstrapJob == nil, !hasBootstrapped || isSurrounded() else { return }
        isBootstrapPlanned = true
        if isSurrounded() { probeVouched() }
        // The job may end at once, when nobody can be asked; its id is the next one.
        bootstrapJob = nextJob + 1
        startJob(.bootstrap, &turn)
    }

    /// Whether it has bootstrapped, but not by way of anybody that is vouched for: then it tries again.
    private mutating func isSurrounded() -> Bool { [.vouchedPeers, .networks].contains(lack()) }

    /// Tries again after a while, later each time.
    mutating func bootstrapAgain(_ turn: inout Turn) {
        isBootstrapPlanned = true
        deadlines.add(.bootstrap, at: turn.time + generator.jitter(bootstrapDelay))
        bootstrapDelay = min(bootstrapDelay * 2, configuration.refreshInterval)
    }

    mutating func bootstrapEnded(_ outcome: Outcome, _ turn: inout Turn) {
        bootstrapJob = nil
        isBootstrapPlanned = false
        guard case .failed = outcome, !configuration.bootstrapPeers.isEmpty else { return }
        bootstrapAgain(&turn)
    }

    /// The node has found its neighbours; now the buckets that hold those farther away.
    mutating func endSelfLookup(_ job: inout Job, _ turn: inout Turn) {
        if !hasBootstrapped { bootstrapDelay = configuration.retryDelay }
        hasBootstrapped = true
        let prefixes = table.prefixesToRefresh
        job.children = prefixes
        guard prefixes > 0 else {
            complete(&job, .bootstrapped(servers: table.liveCount), &turn)
            return
        }
        for prefix in 0..<prefixes { background.append(.refresh(prefix: prefix, parent: job.id)) }
    }

    private mutating func refresh(_ turn: inout Turn) {
        for contact in configuration.bootstrapPeers {
            let key = kademliaKey(of: contact.peer.bytes)
            if !isLive(key) { probe(contact.peer, key, peerAddresses(of: contact.peer, contact.addresses)) }
        }
        guard table.count > 0 else { return }
        for bucket in table.buckets {
            for entry in bucket.entries
            where !entry.isLive || turn.time - entry.lastSeen >= configuration.livenessAge { probe(entry) }
        }
        let isRefreshing = background.contains { task in
            if case .refresh = task { true } else { task == .findSelf }
        }
        guard !isRefreshing else { return }
        background.append(.findSelf)
        for prefix in 0..<table.prefixesToRefresh {
            if prefix < table.buckets.count - 1,
                turn.time - table.buckets[prefix].lastLookup < configuration.refreshInterval / 2
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
