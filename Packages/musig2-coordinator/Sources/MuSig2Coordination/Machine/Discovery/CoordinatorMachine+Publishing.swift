import MuSig2Session
import Secp256k1
import WireCodec

/// What this node makes known: the sessions it is in, by the methods that their creators chose.
extension CoordinatorMachine {
    /// A session is joined: it can be found from now on.
    mutating func announce(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else { return }
        let chosen = methods(of: entry.announced)
        guard !chosen.isEmpty else {
            if entry.createdHere { tell(.announced(session)) }
            return
        }
        publish(session, at: now)
        // One that comes back may find the others elsewhere.
        if entry.publicity.isRestored {
            planReunion(of: session, at: now.monotonic)
        } else {
            planReunion(of: session, after: now)
        }
    }

    /// The methods by which a session is made known here: those that its creator chose and this node has.
    func methods(of announced: VerifiedAnnouncement) -> [DiscoveryMethod] {
        methods.filter { announced.ways & $0.bit != 0 }
    }

    /// The inboxes in which a session waits: those of the other signers, if its creator wants that.
    func inboxes(of announced: VerifiedAnnouncement) -> [XOnlyPublicKey] {
        guard announced.ways & DiscoveryMethod.inbox.bit != 0 else { return [] }
        let own = messageKey.xOnly
        return announced.descriptor.messageKeys.filter { $0 != own }
    }

    /// Makes a session known under the keys of the present days.
    private mutating func publish(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session], entry.overAt == nil, !isShuttingDown else { return }
        let descriptor = entry.announced.descriptor
        for method in methods(of: entry.announced) {
            let announcement = method.isPublic ? entry.announced.signed.encoded() : nil
            if let announcement, announcement.count > wireLimits.recordAnnouncementBytes {
                tellPublishFailed(
                    session, method,
                    "expected an announcement of at most \(wireLimits.recordAnnouncementBytes) bytes, found \(announcement.count)"
                )
                continue
            }
            var isFull = false
            for subject in subjects(of: method, entry.announced) {
                for day in method.isDaily ? DiscoveryDay.published(at: now) : [0] {
                    let isAdded = publications.add(
                        DiscoveryKey(method: method, subject: subject, day: day),
                        for: session,
                        expiry: descriptor.expiryMilliseconds,
                        announcement: announcement
                    )
                    if !isAdded { isFull = true }
                }
            }
            if isFull {
                tellPublishFailed(
                    session, method, "limits.publications is reached (\(configuration.limits.publications))")
            }
        }
        let change = now.monotonic + DiscoveryDay.untilChange(at: now)
        nextDayChange = min(nextDayChange ?? change, change)
    }

    private func subjects(of method: DiscoveryMethod, _ announced: VerifiedAnnouncement) -> [DiscoverySubject] {
        switch method.subject {
        case .session: return [.session(announced.descriptor.id)]
        case .signers:
            let own = messageKey.xOnly
            return announced.descriptor.messageKeys.filter { $0 != own }.map { .inbox($0) }
        }
    }

    /// The published days change, or failed attempts are due.
    mutating func publishDue(at now: Now) {
        guard let change = nextDayChange, change <= now.monotonic else { return }
        nextDayChange = nil
        publications.removeEnded(at: now.wallMilliseconds)
        for (session, entry) in sessions.sorted(by: { $0.key < $1.key })
        where entry.overAt == nil && entry.publicity.isAnnounced && !methods(of: entry.announced).isEmpty {
            publish(session, at: now)
        }
    }

    /// A session is over: it is made known no longer.
    mutating func withdraw(_ session: SessionID) {
        for key in publications.remove(session) { effects.append(.withdraw(key)) }
    }

    /// An attempt to publish has ended.
    mutating func published(_ key: DiscoveryKey, attemptID: UInt64, failure: String?, at now: Now) {
        switch publications.ended(key, attemptID: attemptID, failed: failure != nil, at: now) {
        case .none: break
        case .published(let owners):
            for session in owners where sessions[session]?.publicity.isTold == false {
                sessions[session]?.publicity.isTold = true
                if sessions[session]?.createdHere == true { tell(.announced(session)) }
            }
        case .gaveUp(let owners):
            for session in owners { tellPublishFailed(session, key.method, failure ?? "nobody took it") }
        }
    }

    /// Tells once for each method of a session that it does not work.
    private mutating func tellPublishFailed(_ session: SessionID, _ method: DiscoveryMethod, _ reason: String) {
        guard sessions[session]?.publicity.failedMethods.insert(method).inserted == true else { return }
        tell(
            .error(
                CoordinatorError(
                    .publishFailed,
                    "the session could not be published by \(method.name); invite the others by the invitation's text",
                    session: session,
                    underlying: reason)))
    }

    /// This node's addresses are others: what names them is published anew.
    mutating func announceAddresses(at now: Now) {
        for (session, entry) in sessions.sorted(by: { $0.key < $1.key })
        where entry.createdHere && !entry.machine.isOver {
            let sequence = max(now.wallMilliseconds, entry.announced.sequence &+ 1)
            effects.append(.announceAgain(session, entry.announced, sequence: sequence))
        }
        publications.renewAddresses()
    }

    /// Puts a newer announcement of a session in the place of the older one, here and where it is public.
    mutating func adopt(_ announced: VerifiedAnnouncement) {
        let session = announced.descriptor.id
        guard let entry = sessions[session] else { return }
        sessions[session]?.announced = announced
        let bytes = announced.signed.encoded()
        write(announced, createdHere: entry.createdHere)
        publications.replace(bytes, of: session)
    }
}
