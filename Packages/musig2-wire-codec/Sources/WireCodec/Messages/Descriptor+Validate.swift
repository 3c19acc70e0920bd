extension Descriptor {
    /// Refuses what no session can be, as far as bytes show it: lengths, counts, limits, and fields that contradict each
    /// other. Whether keys are points, are different, and whether the times are near the clock, the session judges.
    public func validate(_ limits: WireLimits = .standard) throws(WireError) {
        guard version == Self.currentVersion else {
            throw error("version", version == 0 ? .missing : .outOfRange(UInt64(version)))
        }
        try validateKeys(limits)
        try validateMessages(limits)
        try validateTweaks(limits)
        try validateCourse(limits)
        try validateTimes(limits)
        try WireCheck.length(Self.messageName, "random", random, WireSize.hash)
        try validateMetadata(limits)
    }

    private func validateKeys(_ limits: WireLimits) throws(WireError) {
        try WireCheck.count(Self.messageName, "signer_keys", signerKeys.count, in: 1...limits.signers)
        try WireCheck.lengths(Self.messageName, "signer_keys", signerKeys, WireSize.publicKey)
        if isSorted {
            for (key, next) in zip(signerKeys, signerKeys.dropFirst()) where next.lexicographicallyPrecedes(key) {
                throw error("signer_keys", .notAscending)
            }
        }
        try WireCheck.lengths(Self.messageName, "message_keys", messageKeys, WireSize.publicKey)
        guard messageKeys.isEmpty || messageKeys.count == signerKeys.count else {
            throw error("message_keys", .wrongCount(expected: signerKeys.count, found: messageKeys.count))
        }
        guard Int(creator) < signerKeys.count else { throw error("creator", .outOfRange(UInt64(creator))) }
    }

    private func validateMessages(_ limits: WireLimits) throws(WireError) {
        if messages.isEmpty { throw error("messages", .missing) }
        guard messages.count <= limits.signersTimesMessages / signerKeys.count else {
            throw error("messages", .tooMany(limit: limits.signersTimesMessages / signerKeys.count))
        }
        let total = messages.reduce(0) { $0 + $1.count }
        guard total <= limits.messagesBytes else {
            throw error("messages", .tooLong(limit: limits.messagesBytes, found: total))
        }
        if scheme == .lotus { try WireCheck.lengths(Self.messageName, "messages", messages, WireSize.hash) }
    }

    private func validateTweaks(_ limits: WireLimits) throws(WireError) {
        try WireCheck.count(Self.messageName, "tweaks", tweaks.count, in: 0...limits.tweaks)
        try WireCheck.lengths("Tweak", "tweak", tweaks.map(\.tweak), WireSize.hash)
        if let taproot {
            if !taproot.merkleRoot.isEmpty {
                try WireCheck.length("Taproot", "merkle_root", taproot.merkleRoot, WireSize.hash)
            }
            if !tweaks.isEmpty { throw error("taproot", .conflict("tweaks and taproot exclude each other")) }
        }
        if scheme == .lotus {
            if !tweaks.isEmpty { throw error("tweaks", .conflict("lotus knows no tweak but taproot")) }
            if !isSorted { throw error("sorted", .conflict("lotus needs sorted keys")) }
        }
    }

    private func validateCourse(_ limits: WireLimits) throws(WireError) {
        if topology == .mesh, signerKeys.count > limits.meshSigners {
            throw error("signer_keys", .tooMany(limit: limits.meshSigners))
        }
        if topology == .star {
            if election == .off { throw error("election", .conflict("star needs an election")) }
            if hasCommitmentRound { throw error("commitment_round", .conflict("star has no commitment round")) }
        }
    }

    private func validateTimes(_ limits: WireLimits) throws(WireError) {
        let timeouts = [
            ("nonce_timeout_ms", nonceTimeoutMilliseconds), ("partial_timeout_ms", partialTimeoutMilliseconds),
        ]
        for (name, value) in timeouts + (hasCommitmentRound ? [("commit_timeout_ms", commitTimeoutMilliseconds)] : []) {
            if value == 0 { throw error(name, .missing) }
            guard value <= limits.phaseTimeoutMilliseconds else { throw error(name, .outOfRange(value)) }
        }
        if !hasCommitmentRound, commitTimeoutMilliseconds != 0 {
            throw error("commit_timeout_ms", .conflict("without a commitment round there is no time for it"))
        }
        // Unix milliseconds of any year that matters fit 63 bits; sums with timeouts cannot overflow below that.
        for (name, value) in [("created_ms", createdMilliseconds), ("expires_ms", expiresMilliseconds)] {
            if value == 0 { throw error(name, .missing) }
            guard value < 1 << 62 else { throw error(name, .outOfRange(value)) }
        }
        guard expiresMilliseconds > createdMilliseconds else {
            throw error("expires_ms", .conflict("expected a time after created_ms"))
        }
    }

    private func validateMetadata(_ limits: WireLimits) throws(WireError) {
        try WireCheck.count(Self.messageName, "metadata", metadata.count, in: 0...limits.metadataPairs)
        if metadata.contains(where: \.key.isEmpty) { throw WireError("Metadata", "key", .missing) }
        let total = metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard total <= limits.metadataBytes else {
            throw error("metadata", .tooLong(limit: limits.metadataBytes, found: total))
        }
        for (pair, next) in zip(metadata, metadata.dropFirst())
        where !pair.key.utf8.lexicographicallyPrecedes(next.key.utf8) {
            throw error("metadata", .notAscending)
        }
    }

    private func error(_ field: String, _ reason: WireError.Reason) -> WireError {
        WireError(Self.messageName, field, reason)
    }
}
