import MuSig2Coordinator
import MuSig2Session
import Multiformats

/// Which session a command is about, as it was named.
enum SessionTarget {
    case invitation(SessionInvitation)
    case id(SessionID)

    /// Whether it is found in a DHT alone.
    var needsNetwork: Bool {
        switch self {
        case .invitation: false
        case .id: true
        }
    }

    /// Reads a name.
    ///
    /// - Parameters:
    ///   - text: An invitation, or the id in hexadecimal.
    ///   - hasNetwork: Whether the command has a DHT to look in.
    /// - Throws: ``Failure`` for what is neither, and for an id without a DHT.
    init(_ text: String, hasNetwork: Bool) throws(Failure) {
        if !text.isEmpty, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) {
            guard let id = Hex.decode(text).flatMap({ SessionID($0) }) else {
                throw Failure(
                    .usage, "the session id: expected 64 hexadecimal digits, found \(text.count)",
                    hint: "Take it whole from what the creator's command printed.")
            }
            guard hasNetwork else {
                throw Failure(
                    .usage, "a session is found by its id in a DHT alone, and there is no --bootstrap",
                    hint: "Give --bootstrap the same address as the creator did, or take the invitation.")
            }
            self = .id(id)
            return
        }
        do throws(CoordinatorError) {
            self = .invitation(try SessionInvitation(parsing: text))
        } catch {
            throw Failure(error)
        }
    }

    /// Looks at the session without joining it; one that is named by its id is looked for first.
    ///
    /// - Parameters:
    ///   - coordinator: Who looks.
    ///   - isPatient: Whether to look again and again, until the command ends by its time limit.
    ///   - output: Where it is said that it is looked for.
    /// - Throws: ``Failure`` or `CoordinatorError`.
    func preview(
        by coordinator: MuSig2Coordinator, isPatient: Bool, _ output: Output
    ) async throws -> SessionPreview {
        do {
            switch self {
            case .invitation(let invitation): return try await coordinator.previewSession(invitation)
            case .id(let id):
                try output.progress(
                    "looking     for signers who show the session", event: "looking", ["session": .string("\(id)")])
                return try await Self.look(for: id, by: coordinator, isPatient: isPatient, output)
            }
        } catch let error as CoordinatorError where error.code == .notASigner {
            throw Failure(.refused, error.message, hint: Failure.notShownHint)
        }
    }

    /// Looks for a session by its id; with a time limit, looks until the command ends by it.
    private static func look(
        for id: SessionID, by coordinator: MuSig2Coordinator, isPatient: Bool, _ output: Output
    ) async throws -> SessionPreview {
        var isFirst = true
        while true {
            do {
                return try await find(id, coordinator)
            } catch let error as CoordinatorError {
                let mayCome: [CoordinatorError.Code] = [.notFound, .unreachable, .timedOut, .lookupFailed]
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
    private static func find(_ id: SessionID, _ coordinator: MuSig2Coordinator) async throws -> SessionPreview {
        let (found, failure) = await withTaskGroup(of: Result<SessionPreview?, CoordinatorError>.self) { group in
            group.addTask {
                await result { () async throws(CoordinatorError) in try await coordinator.previewSession(id: id) }
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
        throw failure ?? CoordinatorError(.notFound, "nobody was found who shows the session", session: id)
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
