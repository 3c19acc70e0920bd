import Logging
import MuSig2Coordinator
import MuSig2Node
import MuSig2Session
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import Secp256k1
import UnixSignals

/// What `create` and `join` have in common: a node, one session, its progress, and a clean way out.
struct SigningCommand: Sendable {
    let home: HomeOptions
    let node: NodeOptions
    let output: Output
    let consent: any ConsentPolicy

    /// Runs until the session ended, the time is over, or the person pressed Ctrl-C.
    func run(_ enter: @escaping @Sendable (MuSig2Coordinator) async throws -> SessionID) async throws {
        let node = try await start()
        let coordinator = node.coordinator
        let events = await coordinator.events
        let ending = await withTaskGroup(of: Ending.self) { group in
            group.addTask { await follow(events, coordinator, enter) }
            group.addTask { await Self.interruption() }
            if let timeout = self.node.timeout {
                group.addTask {
                    do { try await Task.sleep(for: .seconds(timeout)) } catch { return .left }
                    return .timedOut(seconds: timeout)
                }
            }
            let first = await group.next() ?? .left
            group.cancelAll()
            return first
        }
        var closed = 0
        switch ending {
        case .timedOut, .interrupted:
            // Closing an unfinished session tells the others, so that they need not wait.
            for session in await coordinator.activeSessions {
                closed += 1
                do throws(CoordinatorError) {
                    try await coordinator.closeSession(session)
                } catch {
                    try output.progress(
                        "could not close \(session): \(error)", event: "warning", ["message": .string("\(error)")])
                }
            }
        case .complete, .failed, .left: break
        }
        await node.shutdown()
        switch ending {
        case .complete, .left: return
        case .failed(let failure): throw failure
        case .timedOut(let seconds):
            throw Failure(
                .expired, "no signature within \(seconds) s; nothing was lost, and nothing is signed",
                hint: "Ask the signers that are missing, and create the session again.")
        case .interrupted:
            throw Failure(
                .interrupted,
                closed == 0
                    ? "interrupted: nothing was signed" : "interrupted: the session is closed, and the others were told"
            )
        }
    }

    private enum Ending: Sendable {
        case complete
        case failed(Failure)
        case timedOut(seconds: Int)
        case interrupted
        case left
    }

    private func start() async throws(Failure) -> SigningNode {
        let key = try KeyFile.read(at: home.keyFile)
        let listen = try node.listenAddresses()
        let announce = try node.announcedAddresses()
        let identity: NodeIdentity
        do {
            identity = try NodeIdentity.loadOrCreate(at: home.identityFile)
        } catch {
            throw Failure(.file, "the node's identity in \(home.identityFile): \(error)")
        }
        var configuration = PeerNodeConfiguration()
        configuration.announcedAddresses = announce
        do {
            return try await SigningNode.start(
                signer: key, identity: identity, listenOn: listen, consent: consent, nodeConfiguration: configuration,
                logger: node.logger())
        } catch {
            throw Failure.network(error)
        }
    }

    /// Reads the events of the session and prints its progress.
    private func follow(
        _ events: CoordinatorEvents,
        _ coordinator: MuSig2Coordinator,
        _ enter: @Sendable (MuSig2Coordinator) async throws -> SessionID
    ) async -> Ending {
        do {
            let session = try await enter(coordinator)
            for await event in events where event.session == nil || event.session == session {
                if let ending = try report(event) { return ending }
            }
            return .left
        } catch let failure as Failure {
            return .failed(failure)
        } catch let error as CoordinatorError {
            return error == CoordinatorError(.cancelled, "") ? .left : .failed(Failure(error))
        } catch {
            return .failed(Failure(.failure, "\(error)"))
        }
    }

    private func report(_ event: CoordinatorEvent) throws -> Ending? {
        let line = ProgressLine(event)
        if case .complete(_, let signatures) = event {
            for (index, signature) in signatures.enumerated() {
                try output.result(
                    "\(signature)", event: "signature",
                    ["index": .integer(index), "signature": .string("\(signature)")])
            }
        } else if let line {
            try output.progress(line.text, event: event.name, line.fields)
        }
        return Self.ending(of: event)
    }

    private static func ending(of event: CoordinatorEvent) -> Ending? {
        switch event {
        case .complete: .complete
        case .aborted(_, let report): .failed(Failure(report))
        case .expired:
            .failed(
                Failure(
                    .expired, "the session expired before all had signed",
                    hint: "Nothing is signed. Create the session again, with a longer --expiry if need be."))
        case .closed: .failed(Failure(.sessionFailed, "the session was closed"))
        case .error(let error) where error.code == .superseded || error.code == .signerCompromised:
            .failed(Failure(error))
        default: nil
        }
    }

    private static func interruption() async -> Ending {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        for await _ in signals { return .interrupted }
        return .left
    }
}
