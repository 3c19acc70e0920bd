import MuSig2Coordination
import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

@testable import musig2

/// Every reason and every event in words for a person: no names of codes, no numbers from 0, and `you` for oneself.
struct WordsTests {
    private let session = SessionID(Hash32.random())
    private static let peer = "12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT"

    /// What no line for people holds: a name in camel case, or a signer that is counted from 0.
    private func expectPlain(_ text: String, _ note: String) {
        let names = text.matches(of: #/(?:^|[^A-Za-z0-9\/])(?<name>[a-z]+[A-Z][A-Za-z]*)/#).map { "\($0.output.name)" }
        #expect(names.isEmpty, "\(note): \(text)")
        #expect(!text.contains("signer 0") && !text.isEmpty, "\(note): \(text)")
    }

    @Test
    func everyReasonHasWords() {
        #expect(Set(Words.restart.keys) == Set(RestartReason.allCases))
        #expect(Set(Words.abort.keys) == Set(AbortReason.allCases))
        for reason in RestartReason.allCases {
            expectPlain(Words.reason(reason), "\(reason)")
            #expect(Words.reason(reason) != "\(reason)")
        }
        for reason in AbortReason.allCases {
            let report = SessionEnd(.aborted, by: 1, reason: reason, isAfterPartial: false)
            expectPlain(Words.message(of: .ended(report)), "\(reason)")
            if case .some(.some(let words)) = Words.abort[reason] { expectPlain(words, "\(reason)") }
        }
        for kind in EvidenceKind.allCases { expectPlain(Words.evidence(kind), "\(kind)") }
        // What a later version may say.
        #expect(Words.reason(RestartReason(rawValue: 99)) == "something happened that this version does not know (99)")
    }

    @Test
    func endsAreSentences() {
        let end = CoordinatorError(.ended, "it was aborted by signer 1 (noProgress)", session: session, signer: 1)
        #expect(Words.message(of: end) == "it was aborted by signer 2, since attempt after attempt failed")
        #expect(Words.message(of: end, own: 1) == "it was aborted by you, since attempt after attempt failed")
        #expect(Failure(end).message == "it was aborted by signer 2, since attempt after attempt failed")
        let asked = CoordinatorError(
            .ended, "it was aborted by signer 0 (requested): enough", session: session, signer: 0)
        #expect(Words.message(of: asked) == "it was aborted by signer 1: enough")
    }

    /// A control character of another signer does not reach the terminal.
    @Test
    func wordsOfOthersAreVisible() {
        #expect(Words.declined(1, "no\u{1B}[2J\ntime") == "signer 2 declined: no\u{FFFD}[2J\u{FFFD}time")
        #expect(Words.declined(0, "", own: 0) == "you declined")
        let line = ProgressLine(.declined(session, signer: 1, reason: "\u{7}\u{202E}"))
        #expect(line?.text == "declined    signer 2 declined: \u{FFFD}\u{FFFD}")
    }

    @Test
    func signersAreCountedAsPeopleDo() throws {
        #expect(Words.signers([0]) == "signer 1")
        #expect(Words.signers([0, 2], own: 2) == "signer 1 and you")
        #expect(Words.signers([0, 1, 3]) == "signer 1, signer 2 and signer 4")
        let heard = CoordinatorEvent.notHeard(session, attempt: 2, signers: [1], by: 0)
        #expect(ProgressLine(heard)?.text == "waiting     signer 1 has not heard from signer 2")
        #expect(ProgressLine(heard, own: 1)?.text == "waiting     signer 1 has not heard from you")
        #expect(ProgressLine(heard, own: 0)?.text == "waiting     you have not heard from signer 2")
        let alone = CoordinatorEvent.absent(session, signers: [0], waitingFor: [0, 2])
        #expect(
            ProgressLine(alone, own: 1, creator: 0)?.text
                == "absent      signer 1, the creator, is not there: see that it runs; waiting for signer 1 and signer 3"
        )
        let several = CoordinatorEvent.absent(session, signers: [0, 2], waitingFor: [2])
        #expect(
            ProgressLine(several, own: 1, creator: 0)?.text
                == "absent      signer 1 and signer 3 are not there: see that they run; waiting for signer 3")
        let raised = CoordinatorEvent.attemptRestarted(session, attempt: 2, reason: .newRun, by: 2)
        #expect(
            ProgressLine(raised)?.text
                == "again       attempt 2, with new nonces, since a signer was started again and its first nonces are lost "
                + "(signer 3 says so)")
        #expect(ProgressLine(raised, own: 2)?.text.hasSuffix(" (you say so)") == true)
        let own = ProgressLine(
            .participantJoined(session, signer: 1, peer: try PeerID(Self.peer), joined: 2, total: 2), own: 1)
        #expect(own?.text == "joined      you  (2/2)")
    }

    /// One event of each kind, and the next kind: an event that is new does not compile here.
    private func examples() throws -> [CoordinatorEvent] {
        let peer = try PeerID(Self.peer)
        let key = SecretKey.generate().publicKey.xOnly
        let evidence = Evidence(kind: .invalidPartial, culprit: 1, signedMessages: [])
        func next(_ event: CoordinatorEvent?) -> CoordinatorEvent? {
            switch event {
            case nil: .created(session, finalKey: key)
            case .created: .announced(session)
            case .announced: .joined(session, finalKey: key)
            case .joined: .participantJoined(session, signer: 1, peer: peer, joined: 2, total: 3)
            case .participantJoined: .declined(session, signer: 1, reason: "no")
            case .declined: .absent(session, signers: [0], waitingFor: [0])
            case .absent: .ready(session)
            case .ready: .commitmentReceived(session, attempt: 1, signer: 1, received: 2, total: 3)
            case .commitmentReceived: .commitmentsComplete(session, attempt: 1)
            case .commitmentsComplete: .nonceReceived(session, attempt: 1, signer: 1, received: 2, total: 3)
            case .nonceReceived: .noncesComplete(session, attempt: 1)
            case .noncesComplete: .partialReceived(session, attempt: 1, signer: 1, received: 2, total: 3)
            case .partialReceived: .complete(session, [])
            case .complete:
                .error(CoordinatorError(.signerMisbehaved, "signer 0 signed rubbish", session: session, signer: 0))
            case .error: .attemptRestarted(session, attempt: 2, reason: .ownHistoryLost, by: 0)
            case .attemptRestarted: .coordinatorChanged(session, attempt: 2, coordinator: 0)
            case .coordinatorChanged: .notHeard(session, attempt: 2, signers: [0], by: 1)
            case .notHeard: .contextDiffers(session, attempt: 2, signers: [0], by: 1, orBy: true)
            case .contextDiffers: .newRuns(session, attempt: 2, signers: [0], by: 1)
            case .newRuns: .broadcastStated(session, transaction: [], by: 1)
            case .broadcastStated: .evidence(session, evidence)
            case .evidence: .restored(session)
            case .restored: .expired(session)
            case .expired: .left(session)
            case .left: .closed(session)
            case .closed: .peerConnected(peer)
            case .peerConnected: .peerDisconnected(peer)
            case .peerDisconnected: .missed(3)
            // An end and a session that waits have words of their own: `Words.aborted`, and the lines of `musig2 inbox`.
            case .missed, .aborted, .waiting: nil
            }
        }
        var events: [CoordinatorEvent] = []
        while let event = next(events.last) { events.append(event) }
        return events
    }

    @Test
    func everyEventIsPlain() throws {
        let events = try examples()
        #expect(events.count == 28)
        for event in events {
            for own in [nil, 0, 1] {
                guard let line = ProgressLine(event, own: own) else { continue }
                expectPlain(line.text, event.name)
                if let own { #expect(!line.text.contains("says that signer \(own + 1) "), "\(line.text)") }
            }
        }
    }

    /// The wait is said with its time, and again after a minute, or when it is another one.
    @Test
    func waitsAreSaidAgain() {
        var words = WaitingWords()
        let health = waiting(for: .joins, notJoined: [1, 2], declined: [2])
        let first = words.line(health, at: .seconds(10))
        #expect(
            first?.text
                == "waiting     for signer 2 and signer 3 (declined) to join (the session expires in 2 h 0 min)")
        let soon = words.line(health, at: .seconds(60))
        #expect(soon?.text == nil)
        let again = words.line(health, at: .seconds(71))
        #expect(again?.text.contains("(for 1 min so far, ") == true)
        #expect(again?.fields["elapsedSeconds"] == .integer(61))
        let nonces = waiting(for: .nonces, notJoined: [], declined: [], deadline: .seconds(250))
        let other = words.line(nonces, at: .seconds(80))
        #expect(
            other?.text
                == "waiting     for signer 2 to send the nonces (the signers begin anew in 4 min, the session expires in 2 h 0 min)"
        )
        let own = words.line(waiting(for: .partials, notJoined: [], declined: []), own: 1, at: .seconds(90))
        #expect(own?.text == "waiting     for you to sign (the session expires in 2 h 0 min)")
    }

    private func waiting(
        for column: Column, notJoined: [Int], declined: [Int], deadline: Duration? = nil
    ) -> SessionHealth {
        SessionHealth(
            phase: .gathering(column), age: .seconds(1), quietFor: .seconds(1), attempt: 1, notJoined: notJoined,
            declined: declined, notConnected: [], waitingFor: column == .joins ? notJoined : [1],
            phaseTimeLeft: deadline, timeLeft: .seconds(7_200), isStuck: false)
    }
}

extension CoordinatorError {
    /// As a coordinator tells the end of a session.
    fileprivate static func ended(_ end: SessionEnd) -> CoordinatorError {
        CoordinatorError(.ended, "it was aborted by signer 0 (\(end.reason))", signer: 0)
    }
}
