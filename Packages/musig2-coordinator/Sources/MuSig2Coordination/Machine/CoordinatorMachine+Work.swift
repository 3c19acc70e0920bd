import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// What the things that a peer may send cost their receiver at most, in signature checks; 4 points cost as much as one.
///
/// All of it is known before the work is done: by the kind of a thing, its size, and the numbers of its session. What a token buys takes
/// about the same time for each kind, as the benchmarks' group `abuse` measures it: otherwise whoever picks the cheapest kind has the most of
/// a node for what it may spend at once.
enum Work {
    /// Decoding a frame, and looking at what is in it.
    static func frame(_ bytes: Int) -> Double { item + decoding(bytes) }

    /// Decoding so many bytes, or inflating them. A frame is decoded, and then what its signed messages say, of which the session knows what
    /// checking it costs.
    static func decoding(_ bytes: Int) -> Double { Double(bytes) / 8_192 }

    /// A SYNC: the session takes a step, and each entry is looked up.
    static func sync(_ sync: Sync) -> Double {
        step + Double(sync.wanted.reduce(sync.leaves.count) { $0 + $1.indices.count }) / 512
    }

    /// An announcement of a session that is not known: the creator's signature and all keys.
    static func announcement(_ announcement: Announcement) -> Double {
        let descriptor = announcement.descriptor
        return 1 + decoding(announcement.descriptorBytes.count)
            + points(descriptor.signerKeys.count + descriptor.messageKeys.count)
    }

    /// An item that costs a look and no more.
    static let item = 0.05

    /// An item that makes a session take a step.
    static let step = 0.5

    /// The first step of a HELLO: two hashes and a look.
    static let hello = 0.2

    /// Parsing points.
    static func points(_ count: Int) -> Double { Double(count) / Double(SessionLimits.pointsPerSignature) }

    /// What a signer of a session may cost at once beyond all else: its own part of some attempts, two of which it begins, so that nonces are
    /// drawn anew; and the JOINs of all others.
    static func ofSession(signers: Int, messages: Int) -> Double {
        32 + 2 * Double(signers) + 4 * (1 + points(2 * messages)) + 2 * Double(messages)
    }
}

extension CoordinatorMachine {
    /// Takes what something costs from what a peer may cost, before it is done. Without enough left it is not done; and a stranger, of whom
    /// nothing is wanted, is hung up on and scored.
    ///
    /// - Parameters:
    ///   - work: What it costs, in signature checks.
    ///   - peer: Who causes it.
    ///   - isAsked: Whether this node asked for it.
    ///   - mayOwe: Whether a peer with half of its burst left may cause what costs more, and owes the rest.
    ///   - now: The time.
    /// - Returns: Whether it may be done.
    mutating func charge(
        _ work: Double, to peer: PeerID, isAsked: Bool = false, mayOwe: Bool = false, at now: Now
    ) -> Bool {
        let (isStranger, mayCost) = peers.update(peer, at: now.monotonic) { record, limits in
            let isStranger = !isAsked && !record.isKnown
            let size = isStranger ? limits.strangerWork : limits.signatureChecks
            let least = mayOwe ? min(work, size.burst / 2) : work
            let mayCost =
                isStranger
                ? record.strangerWork.take(work, ifLeft: least, size: size, at: now.monotonic)
                : record.signatureChecks.take(work, ifLeft: least, size: size, at: now.monotonic)
            return (isStranger, mayCost)
        }
        if mayCost {
            workCharged += work
        } else if isStranger {
            turnAway(peer, at: now)
        }
        return mayCost
    }

    /// The same for what a signer says, which costs its key too, whatever peers it uses.
    mutating func charge(
        _ work: Double, to peer: PeerID, in session: SessionID, mayOwe: Bool = false, at now: Now
    ) -> Bool {
        guard charge(work, to: peer, mayOwe: mayOwe, at: now) else { return false }
        guard let entry = sessions[session], let signer = entry.machine.signers(at: peer).first else { return true }
        let key = entry.announced.descriptor.signerKeys[signer]
        let abuse = configuration.abuse
        return keyBuckets[key, default: KeyBuckets(limits: abuse, at: now.monotonic)]
            .take(work, mayOwe: mayOwe, limits: abuse, at: now.monotonic)
    }

    /// A peer is a signer of a session that this node is in: it may cost what its part of the session costs, once.
    mutating func credit(_ peer: PeerID, for signers: [Int], of session: SessionID, at now: Now) {
        guard let descriptor = sessions[session]?.announced.descriptor else { return }
        let work = Work.ofSession(signers: descriptor.signerKeys.count, messages: descriptor.messages.count)
        let abuse = configuration.abuse
        for signer in signers where sessions[session]?.credited.insert(signer).inserted == true {
            peers.update(peer, at: now.monotonic) { record, limits in
                record.signatureChecks.give(work, size: limits.signatureChecks, at: now.monotonic)
            }
            keyBuckets[descriptor.signerKeys[signer], default: KeyBuckets(limits: abuse, at: now.monotonic)]
                .give(work, limits: abuse, at: now.monotonic)
        }
        peers.update(peer, at: now.monotonic) { record, _ in record.isKnown = true }
    }

    /// A peer sent what nobody asked it for, or too much of what anybody may send: it counts against it, and the conversation ends.
    mutating func turnAway(_ peer: PeerID, at now: Now) {
        score(peer, 10, at: now)
        hangUp(on: peer)
    }

    // MARK: What came deflated

    /// Inflates and decodes an answer or an announcement, as far as the peer may cost that; nil when it is not to be had.
    ///
    /// - Parameters:
    ///   - item: What came.
    ///   - peer: From whom.
    ///   - limit: The most bytes that it may inflate to.
    ///   - inflatable: What all items of the frame together may still inflate to.
    ///   - now: The time.
    /// - Returns: The item.
    mutating func inflate(
        _ item: DeflatedItem, from peer: PeerID, upTo limit: Int, _ inflatable: inout Int, at now: Now
    ) -> FrameItem? {
        let wanted = min(limit, inflatable)
        // What it may become is taken in advance, and what it did not become is given back.
        let most = peers.update(peer, at: now.monotonic) { record, limits in
            Int(min(Double(wanted), record.bytes.left(size: limits.bytes, at: now.monotonic)))
        }
        let isAsked = item.content == .helloAnnouncements
        guard most > 0, charge(Work.decoding(most), to: peer, isAsked: isAsked, at: now) else { return nil }
        var used = most
        defer {
            inflatable -= used
            peers.update(peer, at: now.monotonic) { record, limits in
                _ = record.bytes.take(Double(used), size: limits.bytes, at: now.monotonic)
                record.signatureChecks.give(
                    Work.decoding(most - used), size: limits.signatureChecks, at: now.monotonic)
            }
        }
        do throws(WireError) {
            let (plain, count) = try item.inflated(upTo: most, limits: wireLimits)
            used = count
            return plain
        } catch {
            effects.append(.note("item refused: \(error)", nil, peer))
            // Where the peer may cost no more, that is no fault of what it sent.
            if most == wanted { turnAway(peer, at: now) }
            return nil
        }
    }
}
