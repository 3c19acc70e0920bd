import Foundation
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import PeerNode

/// What `create` and `join` have in common: a node, one session, its progress, and a clean way out.
struct SigningCommand: Sendable {
    let signer: SignerNode
    let timeout: Int?
    let output: Output
    let consent: any ConsentPolicy
    let interruption: Interruption
    /// Whether leaving early ends the session for all signers.
    let abortsOnExit: Bool
    /// Whether the session cannot be made or found without the DHT; with an invitation it can.
    let needsNetwork: Bool
    /// What did not come to be when the time is over before there is a session, and why that may be.
    let beforeSession: Failure
    /// What follows when another signer declines.
    let onDecline: DeclineReaction
    /// Whether this signer wants nothing but to decline.
    var declines = false
    /// The addresses of the invitation by which this signer joins.
    var invited: [Multiaddr] = []

    enum DeclineReaction: Sendable {
        /// It is said, and the others may end the session.
        case goOn
        /// The session is ended for all.
        case end
    }

    /// Runs until the session ended, the time is over, or the process is asked to end.
    func run(_ enter: @escaping @Sendable (SigningNode) async throws -> SessionID) async throws {
        StandardStreams.ignoreBrokenPipes()
        let node = try await signer.start(consent: consent, invited: invited, output)
        if let shortcoming = Secrecy.shortcoming {
            try output.progress("notice      \(shortcoming)", event: "notice", ["message": .string(shortcoming)])
        }
        let coordinator = node.coordinator
        let events = await coordinator.events
        let (entered, settle) = AsyncStream.makeStream(of: Void.self)
        let (ending, isAtQuestion) = await withTaskGroup(of: Ending.self) { group in
            group.addTask { await follow(events, node, entered, enter) }
            if !needsNetwork {
                group.addTask {
                    let ending = await enterNetworkIfPossible(node)
                    settle.finish()
                    // The session goes on without it.
                    if ending == nil { do { try await Task.sleep(for: .seconds(Seconds.longest)) } catch {} }
                    return ending ?? .left
                }
            }
            group.addTask {
                await interruption.wait()
                return .interrupted
            }
            group.addTask { await remind(node) }
            if let timeout {
                group.addTask {
                    do { try await Task.sleep(for: .seconds(timeout)) } catch { return .left }
                    return .timedOut(seconds: timeout)
                }
            }
            let first = await group.next() ?? .left
            let isAtQuestion = Prompt.isOpen
            group.cancelAll()
            return (first, isAtQuestion)
        }
        var departure =
            switch ending {
            case .timedOut, .interrupted, .failed: await stepOut(of: coordinator)
            case .complete, .declined, .left: Departure()
            }
        departure.isAtQuestion = isAtQuestion
        await leave(node)
        signer.letGo(isOver: isOver(ending, departure))
        switch ending {
        case .left: return
        case .complete(let session): try await sayWhoMissesIt(session, coordinator)
        case .declined(let session): try await sayWhoHeard(of: session, coordinator)
        case .failed(let failure): throw failure
        case .timedOut(let seconds): throw timedOut(seconds, departure)
        case .interrupted: throw interrupted(departure)
        }
    }

    /// Whether the session cannot be joined again.
    private func isOver(_ ending: Ending, _ departure: Departure) -> Bool {
        switch ending {
        case .complete, .declined: true
        case .failed(let failure): [.sessionFailed, .expired].contains(failure.status)
        case .timedOut, .interrupted: departure.count > 0 && (abortsOnExit || !departure.hasOthers)
        case .left: false
        }
    }

    private func timedOut(_ seconds: Int, _ departure: Departure) -> Failure {
        if departure.isAtQuestion {
            return Failure(
                .expired, "\(seconds) s were over before you answered",
                hint:
                    "Nothing is signed, and you are not in the session. Join it again, with a longer --timeout or without one."
            )
        }
        guard departure.count > 0 else {
            return Failure(.expired, "\(beforeSession.message) within \(seconds) s", hint: beforeSession.hint)
        }
        let missing =
            departure.missing.isEmpty
            ? "" : ": \(Words.signers(departure.missing)) \(departure.missing.count == 1 ? "is" : "are") not connected"
        return Failure(.expired, "no signature within \(seconds) s\(missing)", hint: hint(after: departure))
    }

    private func interrupted(_ departure: Departure) -> Failure {
        if departure.isAtQuestion {
            return Failure(
                .interrupted, "interrupted before you answered",
                hint: "Nothing is signed, and you are not in the session.")
        }
        return Failure(
            .interrupted, departure.count == 0 ? "interrupted" : "interrupted: \(words(for: departure))",
            hint: hint(after: departure))
    }

    /// Says whether the signatures got to all signers that rely on this one for them.
    private func sayWhoMissesIt(_ session: SessionID, _ coordinator: MuSig2Coordinator) async throws {
        guard let missing = await coordinator.status(of: session)?.undelivered, !missing.isEmpty else { return }
        let names = Words.signers(missing)
        throw Failure(
            .undelivered, "signed, but \(names) could not be told, and may wait for it",
            hint: "Send the signature above to \(names): it is the same for all signers.")
    }

    /// Says whether anybody heard that this signer declined.
    private func sayWhoHeard(of session: SessionID, _ coordinator: MuSig2Coordinator) async throws {
        let isTold: Bool
        let words: String
        switch await coordinator.status(of: session)?.phase {
        case .declined(_, true)?: (isTold, words) = (true, "the other signers are told")
        case .declined(_, false)?: (isTold, words) = (false, "no other signer could be reached to hear of it")
        case .aborted?: (isTold, words) = (true, "you had joined before, so that the session is ended for all")
        default: return
        }
        guard declines, isTold else {
            throw Failure(
                declines ? .network : .refused, "you declined; \(words)",
                hint: "Nothing was signed." + (isTold ? "" : " Tell the creator by another way: the others wait."))
        }
        try output.progress("declined    \(words)", event: "told", ["session": .string("\(session)")])
    }

    /// What was left, or ended for all, and how far it was.
    private struct Departure {
        var count = 0
        /// Whether this signer's partial signature may have left.
        var isAfterPartial = false
        /// Whether the person was asked about the session, and had not answered.
        var isAtQuestion = false
        /// The signers that are not connected.
        var missing: [Int] = []
        /// Whether another signer has joined: there is a session without this one.
        var hasOthers = false
        /// Whether a signer that has joined is connected: it hears of an end.
        var isHeard = false
    }

    /// Leaves what is unfinished: the others wait, and joining again goes on with it. With ``abortsOnExit``, ends it for all.
    private func stepOut(of coordinator: MuSig2Coordinator) async -> Departure {
        var departure = Departure()
        for session in await coordinator.activeSessions {
            let status = await coordinator.status(of: session)
            // Before this signer said yes it was in no session.
            if status?.phase != .awaitingApproval { departure.count += 1 }
            if let status {
                // This signer is one of those that joined.
                let joined = status.signers.filter { $0.peer != nil }
                departure.hasOthers = departure.hasOthers || joined.count > 1
                departure.isHeard = departure.isHeard || joined.count(where: \.isConnected) > 1
                departure.isAfterPartial = departure.isAfterPartial || status.isAfterPartial
                departure.missing = status.signers.indices.filter { !status.signers[$0].isConnected }
            }
            do {
                if abortsOnExit {
                    try await coordinator.abortSession(session, reason: "")
                } else {
                    try await coordinator.leaveSession(session)
                }
            } catch {
                output.failure(Failure(.sessionFailed, "could not leave \(session): \(error.message)"))
            }
        }
        return departure
    }

    private func words(for departure: Departure) -> String {
        switch (abortsOnExit, departure.hasOthers, departure.isHeard) {
        case (_, false, _):
            abortsOnExit ? "the session is closed; nobody else was in it" : "nobody else was in the session"
        case (true, true, true): "the session is closed, and the signers that are connected were told"
        case (true, true, false): "the session is closed; no other signer is connected to hear of it"
        case (false, true, _): "you left the session; the others wait for you until it expires"
        }
    }

    private func hint(after departure: Departure) -> String {
        let signed = departure.isAfterPartial ? Failure.afterPartial : "Nothing is signed."
        guard departure.count > 0 else { return signed }
        if abortsOnExit || !departure.hasOthers {
            return "\(signed) Create the session again when all signers are there."
        }
        return
            "\(signed) To go on, call `musig2 join` with the same invitation while another signer is in the session; "
            + "--abort-on-exit would have ended it for all."
    }

    private enum Ending: Sendable {
        case complete(SessionID)
        /// This signer declined.
        case declined(SessionID)
        case failed(Failure)
        case timedOut(seconds: Int)
        case interrupted
        case left
    }

    /// Shuts the node down: the others hear of the signature first, if they were not heard to have it.
    ///
    /// Ctrl-C ends the wait; the signature is there, and a signer that misses it can be told of it by others.
    private func leave(_ node: SigningNode) async {
        let (end, signal) = AsyncStream<Void>.makeStream()
        Task {
            await node.shutdown()
            signal.finish()
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in end {} }
            group.addTask { await Interruption().wait() }
            group.addTask {
                do {
                    try await Task.sleep(for: Self.patience)
                    try output.progress(
                        "ending      the others are told; Ctrl-C ends at once", event: "ending", [:])
                    try await Task.sleep(for: Self.longestShutdown)
                } catch {
                    return
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// How often it is looked whether there is something to say about a wait.
    private static let reminder = Duration.seconds(10)
    /// After how long the wait at the end needs a word.
    private static let patience = Duration.seconds(2)
    /// The longest time a shutdown can be of use: the coordinator waits for the others for 10 s.
    private static let longestShutdown = Duration.seconds(13)

    /// Reads the events of the session and prints its progress.
    private func follow(
        _ events: CoordinatorEvents,
        _ node: SigningNode,
        _ entered: AsyncStream<Void>,
        _ enter: @Sendable (SigningNode) async throws -> SessionID
    ) async -> Ending {
        do {
            if needsNetwork {
                try await signer.enterNetwork(node, output)
            } else {
                await Self.wait(for: entered, atMost: Self.entryPatience)
            }
            let session = try await enter(node)
            let descriptor = await node.coordinator.descriptor(of: session)
            let own = await node.coordinator.status(of: session)?.index
            var presence = Presence()
            // With the signatures of others under way, one's own may be.
            var isAfterPartial = false
            for await event in events where event.session == nil || event.session == session {
                await remember(session, node)
                if let line = presence.line(event, own: own) {
                    try output.progress(line.text, event: event.name, line.fields)
                }
                if case .partialReceived = event { isAfterPartial = true }
                if case .declined(_, let signer, let reason) = event, onDecline == .end {
                    let words = Words.declined(signer, reason, own: own)
                    try await node.coordinator.abortSession(session, reason: words)
                    return .failed(
                        Failure(.sessionFailed, "\(words); the session is ended for all", hint: "Nothing is signed."))
                }
                if case .expired = event {
                    let status = await node.coordinator.status(of: session)
                    return .failed(Self.expired(status, isAfterPartial))
                }
                if let ending = try report(event, descriptor, own) { return ending }
            }
            return .left
        } catch let failure as Failure {
            return .failed(failure)
        } catch let error as CoordinatorError {
            if let session = error.session, case .declined? = await node.coordinator.status(of: session)?.phase {
                return .declined(session)
            }
            return error == CoordinatorError(.cancelled, "") ? .left : .failed(Failure(error))
        } catch {
            return .failed(Failure(.failure, "\(error)"))
        }
    }

    /// Enters the DHT, for a session that does not need it; what is wrong with it is told.
    ///
    /// - Returns: Why the command ends by it: output that nobody reads.
    private func enterNetworkIfPossible(_ node: SigningNode) async -> Ending? {
        do {
            try await signer.enterNetwork(node, output)
        } catch let failure as Failure where failure.status == .network && !Task.isCancelled {
            let words = "\(failure.message); the session goes on without the DHT, by its invitation"
            do {
                try output.progress("notice      \(words)", event: "notice", ["message": .string(words)])
            } catch {
                return .failed(Failure.from(error))
            }
        } catch {
            return Task.isCancelled ? .left : .failed(Failure.from(error))
        }
        return nil
    }

    /// Waits until a stream ends, or for so long.
    private static func wait(for stream: AsyncStream<Void>, atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in stream {} }
            group.addTask { do { try await Task.sleep(for: limit) } catch {} }
            await group.next()
            group.cancelAll()
        }
    }

    /// How long a session that does not need the DHT waits for it.
    private static let entryPatience = Duration.seconds(3)

    /// Says from time to time what is waited for: nobody should sit before a silent command.
    private func remind(_ node: SigningNode) async -> Ending {
        let coordinator = node.coordinator
        let start = ContinuousClock.now
        var words = WaitingWords()
        while true {
            do { try await Task.sleep(for: Self.reminder) } catch { return .left }
            for session in await coordinator.activeSessions {
                await remember(session, node)
                let own = await coordinator.status(of: session)?.index
                guard let health = await coordinator.health(of: session),
                    let line = words.line(health, own: own, at: ContinuousClock.now - start)
                else { continue }
                do {
                    try output.progress(line.text, event: "waitingFor", line.fields)
                } catch {
                    return .failed(error as? Failure ?? Failure(.failure, "\(error)"))
                }
            }
        }
    }

    /// Keeps where the others are that have joined: this process may be killed.
    private func remember(_ session: SessionID, _ node: SigningNode) async {
        let status = await node.coordinator.status(of: session)
        let peers = status?.signers.compactMap(\.peer).filter { $0 != node.node.localPeer } ?? []
        signer.remember(peers, of: node.node)
    }

    private func report(
        _ event: CoordinatorEvent, _ descriptor: SessionDescriptor?, _ own: Int?
    ) throws -> Ending? {
        let ending = Self.ending(of: event, own)
        if case .complete(_, let signatures) = event {
            let messages = descriptor?.messages ?? []
            for (index, signature) in signatures.enumerated() {
                let line = SignatureLine(
                    number: index + 1, signature: signature, message: messages.dropFirst(index).first)
                try output.result(line.text, event: "signature", line.fields)
            }
        } else if ending == nil, let line = ProgressLine(event, own: own, creator: descriptor?.creator) {
            // The event "error" is kept for what ends the command.
            let name = if case .error = event { "notice" } else { event.name }
            try output.progress(line.text, event: name, line.fields)
        }
        return ending
    }

    /// The end of a session by its time, and the signers that were missing.
    private static func expired(_ status: SessionStatus?, _ isAfterPartial: Bool) -> Failure {
        let missing = status?.signers.indices.filter { status?.signers[$0].peer == nil } ?? []
        return Failure(
            .expired,
            "the session expired before all had signed"
                + (missing.isEmpty ? "" : ": \(Words.signers(missing, own: status?.index)) did not join"),
            hint: isAfterPartial
                ? Failure.afterPartial
                : "Nothing is signed. Create the session again, with a longer --expiry if need be.")
    }

    private static func ending(of event: CoordinatorEvent, _ own: Int?) -> Ending? {
        switch event {
        case .complete(let session, _): .complete(session)
        case .aborted(_, let report): .failed(Failure(report, own: own))
        case .left, .closed: .failed(Failure(.sessionFailed, "the session was closed"))
        case .error(let error) where error.code == .superseded || error.code == .signerCompromised:
            .failed(Failure(error))
        default: nil
        }
    }
}
