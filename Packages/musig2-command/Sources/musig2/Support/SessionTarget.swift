import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import PeerNode

/// Which session a command is about, as it was named, and where to ask for it.
struct SessionTarget {
    let session: SessionID
    /// What the invitation names, with what processes of this home have kept of the session's other signers.
    private let addresses: [Multiaddr]
    private let isInvitation: Bool

    /// Whether it is looked for in a DHT.
    let needsNetwork: Bool

    /// Where the session's creator was when it made the invitation.
    var invited: [Multiaddr] { isInvitation ? addresses : [] }

    /// Reads a name.
    ///
    /// - Parameters:
    ///   - text: An invitation, or the id in hexadecimal.
    ///   - hasNetwork: Whether the command has a DHT to look in.
    ///   - home: Where processes have kept what they know of the session.
    /// - Throws: ``Failure`` for what is neither, and for an id without a DHT of which nothing is known.
    init(_ text: String, hasNetwork: Bool, home: HomeOptions) throws(Failure) {
        if !text.isEmpty, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) {
            guard let id = Hex.decode(text).flatMap({ SessionID($0) }) else {
                throw Failure(
                    .usage, "the session id: expected 64 hexadecimal digits, found \(text.count)",
                    hint: "Take it whole from what the creator's command printed.")
            }
            (session, isInvitation, needsNetwork) = (id, false, hasNetwork)
            addresses = SessionClaim.addresses(of: id, in: home).flatMap(\.self)
            guard hasNetwork || !addresses.isEmpty else {
                throw Failure(
                    .usage, "a session is found by its id in a DHT alone, and there is no --bootstrap",
                    hint: "Give --bootstrap the same address as the creator did, or take the invitation.")
            }
            return
        }
        do throws(CoordinatorError) {
            let invitation = try SessionInvitation(parsing: text)
            session = invitation.session
            addresses =
                invitation.addresses + SessionClaim.addresses(of: invitation.session, in: home).flatMap(\.self)
            (isInvitation, needsNetwork) = (true, false)
        } catch {
            let reason = Failure.reason(error.underlying ?? error.message)
            throw Failure(
                .usage, "the invitation cannot be read: \(reason)",
                hint: text.lowercased().hasPrefix("musig21")
                    ? "Ask the creator to send the invitation again."
                    : "A session is named by its id, 64 hexadecimal digits, or by its invitation, musig21…")
        }
    }

    /// Looks at the session without joining it; one that is named by its id is looked for first.
    ///
    /// - Parameters:
    ///   - signing: The node that looks.
    ///   - isPatient: Whether to look again and again, until the command ends by its time limit.
    ///   - output: Where it is said that it is looked for.
    /// - Throws: ``Failure`` or `CoordinatorError`.
    func preview(by signing: SigningNode, isPatient: Bool, _ output: Output) async throws -> SessionPreview {
        let own = signing.node.localPeer
        let others = addresses.filter { $0.peerID != own }
        let isOwn = isInvitation && others.count < addresses.count
        if isOwn, others.isEmpty, signing.dht == nil { throw Self.nobodyLeft }
        do {
            if !others.isEmpty, isInvitation || signing.dht == nil {
                try say(
                    "asking      for the session at \(Self.places(others)), for at most \(Self.limit)",
                    event: "looking",
                    output)
                return try await signing.coordinator.previewSession(
                    SessionInvitation(session: session, addresses: others))
            }
            try say("looking     for signers that show the session", event: "looking", output)
            return try await Self.look(for: session, at: others, by: signing.coordinator, isPatient: isPatient, output)
        } catch let error as CoordinatorError where error.code == .notASigner {
            throw Failure(.refused, "your key is not among the signers of the session", hint: Failure.notShownHint)
        } catch let error as CoordinatorError where isOwn && Self.mayCome.contains(error.code) {
            throw Self.nobodyLeft
        } catch let error as CoordinatorError where isInvitation && Self.isSilence(error) {
            throw Failure(
                .network, "no answer came from \(Self.places(others)) within \(Self.limit)",
                hint:
                    "Is the creator's command stopped (Ctrl-Z; `fg` lets it go on), or its machine asleep or out of reach? "
                    + "Try again.")
        }
    }

    /// Whether those that were asked said nothing in time, which is another thing than that nobody is there.
    private static func isSilence(_ error: CoordinatorError) -> Bool {
        error.code == .timedOut || error.code == .unreachable && error.message.contains(" within ")
    }

    /// How long one is asked for a session, in words.
    private static let limit = "\(MuSig2Coordinator.Configuration().timeouts.hello.components.seconds) s"

    private func say(_ words: String, event: String, _ output: Output) throws {
        try output.progress(words, event: event, ["session": .string("\(session)")])
    }

    /// Addresses without what the person need not see of them.
    private static func places(_ addresses: [Multiaddr]) -> String {
        var places: [String] = []
        for case let place? in addresses.map(\.withoutPeerID?.description) where !places.contains(place) {
            places.append(place)
        }
        let shown = places.prefix(placesShown).joined(separator: ", ")
        return places.count > placesShown ? "\(shown) and \(places.count - placesShown) more" : shown
    }

    private static let placesShown = 3

    /// A session to which this node itself has invited, and of which it reaches nobody.
    private static let nobodyLeft = Failure(
        .network, "the invitation is your own, and no other signer of its session is reached from here",
        hint: "A session lives as long as one signer is in it. If none is, create it again.")

    /// What may be otherwise in a while.
    private static let mayCome: [CoordinatorError.Code] = [.notFound, .unreachable, .timedOut, .lookupFailed]

    /// Looks for a session by its id; with a time limit, looks until the command ends by it.
    private static func look(
        for id: SessionID, at known: [Multiaddr], by coordinator: MuSig2Coordinator, isPatient: Bool, _ output: Output
    ) async throws -> SessionPreview {
        var isFirst = true
        while true {
            do {
                return try await find(id, known, coordinator)
            } catch let error as CoordinatorError {
                guard mayCome.contains(error.code) else { throw error }
                guard isPatient else { throw Failure.look(error) }
                if isFirst {
                    try output.progress(
                        "waiting     nobody is found yet; it is looked again every few seconds",
                        event: "lookingAgain", ["session": .string("\(id)")])
                }
                isFirst = false
                try await Task.sleep(for: pause)
            }
        }
    }

    /// How long to wait before looking again.
    private static let pause = Duration.seconds(3)

    /// Finds a session by its id, or else in the inbox of this signer.
    private static func find(
        _ id: SessionID, _ known: [Multiaddr], _ coordinator: MuSig2Coordinator
    ) async throws -> SessionPreview {
        let (found, failure) = await withTaskGroup(of: Result<SessionPreview?, CoordinatorError>.self) { group in
            group.addTask {
                await result { () async throws(CoordinatorError) in
                    try await coordinator.previewSession(SessionInvitation(session: id, addresses: known))
                }
            }
            group.addTask {
                // Most sessions are found by their id at once, and then nobody need learn that this inbox is looked at.
                do { try await Task.sleep(for: inboxDelay) } catch { return .success(nil) }
                return await result { () async throws(CoordinatorError) in
                    try await coordinator.inbox().first { $0.session == id }
                }
            }
            defer { group.cancelAll() }
            var failures: [CoordinatorError] = []
            for await found in group {
                switch found {
                case .success(let preview?): return (preview, nil) as (SessionPreview?, CoordinatorError?)
                case .success(nil): break
                case .failure(let error) where error.code == .notFound: failures.insert(error, at: 0)
                case .failure(let error) where error.session == id: return (nil, error)
                case .failure(let error): failures.append(error)
                }
            }
            return (nil, failures.first)
        }
        if let found { return found }
        throw failure ?? CoordinatorError(.notFound, "nobody was found that shows the session", session: id)
    }

    private static func result(
        _ body: () async throws(CoordinatorError) -> SessionPreview?
    ) async -> Result<SessionPreview?, CoordinatorError> {
        do throws(CoordinatorError) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }

    /// After which time without an answer the inbox is looked at.
    private static let inboxDelay = Duration.seconds(1)
}
