import Logging
import Metrics
import MuSig2Session
import Multiformats
import PeerTransport

/// Where events go besides their readers: to the log and to the metrics.
struct EventReporter: Sendable {
    let metrics: CoordinatorMetrics
    let logger: Logger
    let time: TimeSource

    /// Counts an event, and logs it.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - sessions: The sessions as they are now.
    func report(_ event: CoordinatorEvent, sessions: SessionTable) {
        measure(event, sessions)
        log(event)
    }

    private func measure(_ event: CoordinatorEvent, _ sessions: SessionTable) {
        switch event {
        case .created: metrics.created.increment()
        case .joined:
            metrics.joined.increment()
            metrics.active.record(sessions.openCount)
        case .complete(let session, _):
            metrics.completed.increment()
            metrics.active.record(sessions.openCount)
            if let status = sessions.status(of: session) {
                let seconds = (time.now().uptime - status.startedAt).inSeconds
                metrics.duration.recordNanoseconds(Int64(seconds * 1e9))
            }
        case .aborted: metrics.aborted.increment()
        case .expired: metrics.expired.increment()
        case .attemptRestarted: metrics.restarts.increment()
        case .error(let error) where error.code == .peerBanned: metrics.bans.increment()
        default: break
        }
    }

    private func log(_ event: CoordinatorEvent) {
        guard logger.logLevel <= .debug else {
            if case .error(let error) = event, error.code == .signerCompromised || error.code == .superseded {
                logger.critical("\(error.message)", metadata: metadata(event.session, nil))
            }
            return
        }
        var metadata = self.metadata(event.session, nil)
        switch event {
        case .participantJoined(_, let signer, let peer, let joined, let total):
            metadata["peer.id"] = "\(peer)"
            metadata["signer"] = "\(signer)"
            metadata["progress"] = "\(joined)/\(total)"
        case .commitmentReceived(_, let attempt, let signer, let received, let total),
            .nonceReceived(_, let attempt, let signer, let received, let total),
            .partialReceived(_, let attempt, let signer, let received, let total):
            metadata["attempt"] = "\(attempt)"
            metadata["signer"] = "\(signer)"
            metadata["progress"] = "\(received)/\(total)"
        case .attemptRestarted(_, let attempt, let reason, let by):
            metadata["attempt"] = "\(attempt)"
            metadata["reason"] = "\(reason)"
            metadata["signer"] = "\(by)"
        case .peerConnected(let peer), .peerDisconnected(let peer): metadata["peer.id"] = "\(peer)"
        case .error(let error): metadata["error"] = "\(error)"
        case .declined(_, let signer, _): metadata["signer"] = "\(signer)"
        case .absent(_, let signers, _): metadata["signers"] = "\(signers)"
        case .aborted(_, let report): metadata["reason"] = "\(report.reason)"
        default: break
        }
        logger.debug("\(event.name)", metadata: metadata)
    }

    func note(_ text: String, _ session: SessionID?, _ peer: PeerID?) {
        logger.debug("\(text)", metadata: metadata(session, peer))
    }

    private func metadata(_ session: SessionID?, _ peer: PeerID?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        if let session { metadata["session.id"] = "\(session)" }
        if let peer { metadata["peer.id"] = "\(peer)" }
        return metadata
    }
}
