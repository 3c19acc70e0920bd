import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// What waits for this node's message key, and what it shows to the holders of others.
extension CoordinatorMachine {
    /// How the own inbox is watched.
    struct InboxWatch: Sendable {
        var every: Duration
        var nextAt: Duration
        /// The sessions that were told.
        var told: Set<SessionID> = []
    }

    /// The subject of this node's own inbox.
    var ownInbox: DiscoverySubject { .inbox(messageKey.xOnly) }

    // MARK: The own inbox

    /// Watches the own inbox from now on, or, without an interval, no longer.
    mutating func watchInbox(every interval: Duration?, at now: Now) {
        guard let interval else {
            inboxWatch = nil
            return
        }
        // One reader more: it is told everything that waits.
        inboxWatch = InboxWatch(every: interval, nextAt: now.monotonic)
        watchInboxDue(at: now)
    }

    mutating func watchInboxDue(at now: Now) {
        guard let watch = inboxWatch, watch.nextAt <= now.monotonic else { return }
        inboxWatch?.nextAt = now.monotonic + watch.every
        lookUp(for: ownInbox, at: [], now: now)
    }

    /// A provider shows what it has for this node's key. What is not signed, not for this key, or past is left out.
    mutating func receiveInbox(_ answer: HelloAnnouncements, from peer: PeerID, at now: Now) {
        let subject = ownInbox
        var announced: [VerifiedAnnouncement] = []
        // One session twice in one answer is not worth a second check.
        var sessions: Set<SessionID> = []
        for signed in answer.announcements.prefix(configuration.limits.inboxSessions) {
            guard sessions.insert(SessionID(descriptorBytes: signed.announcement.descriptorBytes)).inserted else {
                continue
            }
            if isSeen(signed) { continue }
            // An honest provider shows nothing that is not for this key: a look at the bytes tells, before anything is checked.
            guard signed.announcement.descriptor.signerKeys.contains(signerKey.compressedRepresentation) else {
                score(peer, 20, at: now)
                continue
            }
            guard charge(Work.announcement(signed.announcement), to: peer, isAsked: true, at: now) else { break }
            do throws(CoordinatorError) {
                announced.append(try verify(signed, as: nil, at: now))
            } catch {
                // An honest provider shows nothing that is not signed, and nothing that is not for this key.
                if error.code == .announcementRefused || error.code == .notASigner { score(peer, 20, at: now) }
            }
        }
        let known = answer.announcements.prefix(configuration.limits.inboxSessions).compactMap { signed in
            isSeen(signed) ? previews[SessionID(descriptorBytes: signed.announcement.descriptorBytes)]?.announced : nil
        }
        shown(announced + known, by: peer, for: subject, at: now)
        endAnswer(subject, from: peer, now: now)
    }

    /// Whether these very bytes, or a newer announcement of their session, were verified before.
    private func isSeen(_ signed: SignedAnnouncement) -> Bool {
        let session = SessionID(descriptorBytes: signed.announcement.descriptorBytes)
        guard let seen = previews[session] else { return false }
        return seen.announced.sequence >= signed.announcement.sequence
    }

    mutating func endInbox(_ lookup: SessionLookups.Lookup, at now: Now) {
        let waiting = lookup.shown.compactMap { previews[$0] }.map { preview(of: $0.announced) }.sorted { left, right in
            (left.descriptor.createdMilliseconds, left.session) < (right.descriptor.createdMilliseconds, right.session)
        }
        tellWaiting(waiting)
        if lookup.isSearchFailing, !lookup.isAnswered, waiting.isEmpty {
            effects.append(.lookupEnded(lookup.subject, .failure(summary(of: lookup))))
        } else {
            effects.append(.lookupEnded(lookup.subject, .success(waiting)))
        }
    }

    private mutating func tellWaiting(_ waiting: [SessionPreview]) {
        guard let watch = inboxWatch else { return }
        for preview in waiting where !watch.told.contains(preview.session) { tell(.waiting(preview)) }
        // What is not on the shelf any more is over, or so old that it may be told again.
        inboxWatch?.told = watch.told.filter { previews[$0] != nil }.union(waiting.map(\.session))
    }

    // MARK: The inboxes of others

    /// The announcements that the holder of a message key may see: those of open sessions that it is a signer of, whose creators want
    /// them in inboxes. First those that it has not joined, the newest first; as many as one frame takes.
    func announcements(in inbox: XOnlyPublicKey) -> [SignedAnnouncement] {
        struct Candidate {
            var signed: SignedAnnouncement
            var isJoined: Bool
            var created: UInt64
            var session: SessionID
        }
        var candidates: [Candidate] = []
        for session in discoveryIndex.sessions(in: inbox) {
            guard let entry = sessions[session], !entry.machine.isOver, !entry.awaitsConsent else { continue }
            let descriptor = entry.announced.descriptor
            guard let index = descriptor.messageKeys.firstIndex(of: inbox) else { continue }
            candidates.append(
                Candidate(
                    signed: entry.announced.signed,
                    isJoined: entry.machine.hasJoined(index),
                    created: descriptor.createdMilliseconds,
                    session: session
                ))
        }
        candidates.sort { left, right in
            if left.isJoined != right.isJoined { return right.isJoined }
            return (right.created, left.session) < (left.created, right.session)
        }
        var room = configuration.limits.frameBytes - 4_096
        var shown: [SignedAnnouncement] = []
        for candidate in candidates.prefix(min(wireLimits.helloAnnouncements, configuration.limits.inboxSessions)) {
            let count = candidate.signed.announcementBytes.count + 128
            guard count <= room else { continue }
            room -= count
            shown.append(candidate.signed)
        }
        return shown
    }
}
