import MuSig2Session
import Multiformats
import WireCodec

/// A newer announcement of a session that this node is in, and the peer that showed it; nil: it was found.
struct Renewal: Sendable {
    let announced: VerifiedAnnouncement
    let shownBy: PeerID?
    var due = Duration.zero
}

/// Newer announcements: the creator's addresses have changed.
extension CoordinatorMachine {
    mutating func receive(_ signed: SignedAnnouncement, from peer: PeerID, at now: Now) {
        let session = SessionID(descriptorBytes: signed.announcement.descriptorBytes)
        guard let entry = sessions[session], !entry.createdHere,
            signed.announcement.sequence > entry.announced.sequence
        else { return }
        guard charge(1, to: peer, in: session, at: now) else { return }
        do throws(AnnouncementError) {
            let announced = try VerifiedAnnouncement(verifying: signed, of: entry.announced.descriptor)
            // That of another's key does not speak for this node's peer.
            guard announced.peer != localPeer else { return }
            renew(Renewal(announced: announced, shownBy: peer), at: now)
        } catch {
            penalise(peer, .badSignature, session: session, at: now)
        }
    }

    /// Takes a newer announcement, or lets it wait, the newest of a session: each names a peer that is dialled, and is written and
    /// published. Whoever passes it on is not to blame for its author's haste; the author's own peer is.
    mutating func renew(_ renewal: Renewal, at now: Now) {
        let announced = renewal.announced
        let session = announced.descriptor.id
        guard let entry = sessions[session], announced.sequence > entry.announced.sequence else { return }
        let limit = configuration.limits.announcementsPerMinute
        if sessions[session]?.publicity.renewals.take(limit, at: now.monotonic) == true {
            sessions[session]?.publicity.waitingRenewal = nil
            adopt(announced)
            let isAnnouncer = renewal.shownBy == announced.peer
            drive(
                session,
                .introduced(announced.peer, addresses: announced.addresses, isAnnouncer: isAnnouncer), at: now)
            return
        }
        if let waiting = entry.publicity.waitingRenewal, waiting.announced.sequence >= announced.sequence { return }
        var waiting = renewal
        waiting.due = sessions[session]?.publicity.renewals.opens(limit, at: now.monotonic) ?? now.monotonic
        sessions[session]?.publicity.waitingRenewal = waiting
        nextRenewal = min(nextRenewal ?? waiting.due, waiting.due)
        if let peer = renewal.shownBy, entry.machine.signers(at: peer).contains(announced.descriptor.creator) {
            penalise(peer, .outOfPlace, session: session, at: now)
        }
    }

    /// Takes the announcements that waited long enough.
    mutating func renewDue(at now: Now) {
        guard let due = nextRenewal, due <= now.monotonic else { return }
        nextRenewal = nil
        for (session, entry) in sessions.sorted(by: { $0.key < $1.key }) {
            guard let waiting = entry.publicity.waitingRenewal else { continue }
            guard waiting.due <= now.monotonic else {
                nextRenewal = min(nextRenewal ?? waiting.due, waiting.due)
                continue
            }
            sessions[session]?.publicity.waitingRenewal = nil
            renew(waiting, at: now)
        }
    }
}
