extension MuSig2Coordinator.Configuration {
    /// Checks every field.
    ///
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/invalidConfiguration``, naming the field, what it must be
    ///   and what it is.
    public func validate() throws(CoordinatorError) {
        try Self.check("limits.frameBytes", limits.frameBytes, 4_096...(16 << 20))
        try Self.check("limits.descriptorBytes", limits.descriptorBytes, 512...limits.frameBytes)
        try Self.check("limits.messageBytes", limits.messageBytes, 1...limits.descriptorBytes)
        try Self.check("limits.signers", limits.signers, 1...1_000)
        try Self.check("limits.meshSigners", limits.meshSigners, 1...32)
        try Self.check("limits.signersTimesMessages", limits.signersTimesMessages, 1...8_192)
        try Self.check("limits.sessions", limits.sessions, 1...1_000_000)
        try Self.check("limits.sessionsPerCreator", limits.sessionsPerCreator, 1...1_000_000)
        try Self.check("limits.sessionStateBytes", limits.sessionStateBytes, (64 << 10)...(1 << 40))
        try Self.check("limits.finishedSessions", limits.finishedSessions, 1...1_000_000)
        try Self.check("limits.rememberedPeers", limits.rememberedPeers, 16...1_000_000)
        try Self.check("limits.sessionDialsPerMinute", limits.sessionDialsPerMinute, 1...10_000)
        try Self.check("limits.dialsPerMinute", limits.dialsPerMinute, 64...100_000)
        try Self.check("limits.earlyDials", limits.earlyDials, 1...100)
        try Self.check("limits.addressesPerDial", limits.addressesPerDial, 2...1_000)
        try Self.check("limits.announcementsPerMinute", limits.announcementsPerMinute, 1...1_000)
        try Self.check("limits.hellosPerPeer", limits.hellosPerPeer, 1...10_000)
        try Self.check("limits.publications", limits.publications, 1...1_000_000)
        try Self.check("limits.inboxSessions", limits.inboxSessions, 1...256)
        try Self.check("limits.previews", limits.previews, 1...1_000_000)
        try Self.check("limits.previewBytes", limits.previewBytes, limits.descriptorBytes...(1 << 40))
        try Self.check("limits.attemptsWithoutProgress", limits.attemptsWithoutProgress, 1...1_000)
        try Self.check("limits.bufferedEvents", limits.bufferedEvents, 2...1_000_000)

        let month = Duration.seconds(30 * 86_400)
        try Self.check("timeouts.hello", timeouts.hello, .milliseconds(10)...month)
        try Self.check("timeouts.linger", timeouts.linger, .zero...month)
        try Self.check("timeouts.telling", timeouts.telling, .zero...month)
        try Self.check("timeouts.absence", timeouts.absence, .milliseconds(10)...month)
        if let sweep = timeouts.sweep { try Self.check("timeouts.sweep", sweep, .milliseconds(10)...month) }
        try Self.check("timeouts.stuck", timeouts.stuck, .milliseconds(10)...month)
        try Self.check("timeouts.redial", timeouts.redial, .milliseconds(1)...month)
        try Self.check("timeouts.redialCeiling", timeouts.redialCeiling, timeouts.redial...month)
        try Self.check("timeouts.laterRedial", timeouts.laterRedial, timeouts.redial...month)
        try Self.check("timeouts.storeRetry", timeouts.storeRetry, .milliseconds(1)...month)

        try Self.check("abuse.messages", abuse.messages)
        try Self.check("abuse.bytes", abuse.bytes)
        guard abuse.bytes.burst >= Double(limits.frameBytes) else {
            throw .invalid(
                "abuse.bytes.burst", expected: "at least limits.frameBytes (\(limits.frameBytes))",
                found: "\(abuse.bytes.burst)")
        }
        try Self.check("abuse.signatureChecks", abuse.signatureChecks)
        try Self.check("abuse.strangerWork", abuse.strangerWork)
        try Self.check("abuse.hellos", abuse.hellos)
        try Self.check("abuse.errorReplies", abuse.errorReplies)
        guard abuse.banScore.isFinite, abuse.banScore >= 1 else {
            throw .invalid("abuse.banScore", expected: "at least 1", found: "\(abuse.banScore)")
        }
        try Self.check("abuse.scoreHalfLife", abuse.scoreHalfLife, .milliseconds(1)...month)
        try Self.check("abuse.firstBan", abuse.firstBan, .milliseconds(1)...month)
        try Self.check("abuse.longestBan", abuse.longestBan, abuse.firstBan...month)

        try Self.check("discovery.retries", discovery.retries, 0...100)
        try Self.check("discovery.retryDelay", discovery.retryDelay, .milliseconds(1)...month)
        try Self.check("discovery.laterRetry", discovery.laterRetry, discovery.retryDelay...month)
        try Self.check("discovery.providers", discovery.providers, 1...1_000)
        try Self.check("discovery.hints", discovery.hints, discovery.providers...10_000)
        try Self.check("discovery.lookupTimeout", discovery.lookupTimeout, .milliseconds(10)...month)
        try Self.check("discovery.publishTimeout", discovery.publishTimeout, .milliseconds(10)...month)
        try Self.check("discovery.publicationsAtOnce", discovery.publicationsAtOnce, 1...1_000)
        try Self.check("discovery.reunion", discovery.reunion, .seconds(1)...month)
    }

    private static func check(_ field: String, _ size: BucketSize) throws(CoordinatorError) {
        guard size.perSecond.isFinite, size.perSecond > 0 else {
            throw .invalid("\(field).perSecond", expected: "above 0", found: "\(size.perSecond)")
        }
        guard size.burst.isFinite, size.burst >= 1 else {
            throw .invalid("\(field).burst", expected: "at least 1", found: "\(size.burst)")
        }
    }

    private static func check<Value: Comparable>(
        _ field: String,
        _ value: Value,
        _ range: ClosedRange<Value>
    ) throws(CoordinatorError) {
        guard range.contains(value) else {
            throw .invalid(field, expected: "\(range.lowerBound) to \(range.upperBound)", found: "\(value)")
        }
    }
}

extension CoordinatorError {
    fileprivate static func invalid(_ field: String, expected: String, found: String) -> CoordinatorError {
        CoordinatorError(.invalidConfiguration, "\(field): expected \(expected), found \(found)")
    }
}
