import KademliaDHT
import Logging
import Multiformats
import PeerTransport
import Synchronization
import WireCodec

// How other nodes are asked.
extension NodeDHT {
    /// Sends a request and waits for its end.
    ///
    /// - Returns: What became of it.
    func carryOut(_ request: Kademlia.Request) async -> Kademlia.Input {
        let limit = request.timeout
        do throws(TransportError) {
            let answer = try await withDeadline(
                limit,
                by: node.configuration.timeSource,
                onTimeout: { () -> TransportError in
                    TransportError(.timedOut, "peer \(request.peer) did not answer within \(limit)")
                },
                discard: { (_: Answer?) in },
                { () async throws(TransportError) in try await self.exchange(request) }
            )
            guard let answer else { return .sent(request.id) }
            return .response(request.id, answer.message, remote: answer.remoteAddress)
        } catch {
            logger.debug(
                "DHT request failed",
                metadata: [
                    "peer.remote": "\(request.peer)", "request": "\(request.message.kind)", "error": "\(error)",
                ]
            )
            return .requestFailed(request.id, Self.failure(of: error))
        }
    }

    static func failure(of error: TransportError) -> Kademlia.RequestFailure {
        switch error.code {
        case .protocolNotSupported: .unsupported
        case .timedOut, .cancelled: .timedOut
        case .streamReset: .reset
        case .streamClosed, .connectionClosed: .closed
        case .protocolViolation: .malformed
        // This node's own limits, and its memory of a failure that was counted then.
        case .limitExceeded, .backingOff: .notSent
        default: .unreachable
        }
    }

    /// An answer, and where the connection leads that carried it.
    private struct Answer {
        let message: KademliaMessage
        let remoteAddress: Multiaddr
    }

    private func exchange(_ request: Kademlia.Request) async throws(TransportError) -> Answer? {
        let frame = FrameEncoder.encode(request.message.encoded())
        guard request.expectsReply else {
            try await tell(frame, request, on: try await openStream(request))
            return nil
        }
        if let stream = takeIdleStream(to: request.peer) {
            do throws(TransportError) {
                return try await ask(frame, request, on: stream)
            } catch {
                // Many end a stream after one answer, or when nothing was asked for a while.
                guard [.streamReset, .streamClosed, .connectionClosed].contains(error.code) else { throw error }
            }
        }
        do throws(TransportError) {
            return try await ask(frame, request, on: try await openStream(request))
        } catch {
            // The peer may have come back since, without the connection to it having been missed.
            guard error.code == .connectionClosed else { throw error }
        }
        return try await ask(frame, request, on: try await openStream(request))
    }

    private func openStream(_ request: Kademlia.Request) async throws(TransportError) -> PlacedStream {
        let addresses = request.addresses.filter(configuration.usedAddresses.allows)
        // Those to begin with may come up at any time, and are where the user says; of others there are enough that answer.
        let isTrusted = trusted.contains(request.peer)
        let dial = DialRequest(
            addresses: addresses, respectsBackoff: !isTrusted, filter: configuration.usedAddresses,
            source: isTrusted ? .user : .stranger, isBounded: !isTrusted)
        do throws(TransportError) {
            try await node.connect(to: request.peer, dial)
        } catch {
            guard error.code != .limitExceeded, error.code != .backingOff else { throw error }
            // Whatever else it is, the peer was not reached.
            throw TransportError(.notConnected, error.message, underlying: error.underlying)
        }
        return try await node.openPlacedStream(to: request.peer, assuming: protocolID)
    }

    /// Writes a request and reads the one answer.
    private func ask(
        _ frame: [UInt8],
        _ request: Kademlia.Request,
        on placed: PlacedStream
    ) async throws(TransportError) -> Answer {
        let (stream, peer) = (placed.stream.stream, request.peer)
        do throws(TransportError) {
            try await stream.write(frame)
            let message = try await readMessage(from: stream)
            keep(placed, to: peer)
            node.tag(peer, weight: Self.serverValue, for: Self.reason)
            if !placed.isInbound { node.noteProof(of: peer) }
            return Answer(message: message, remoteAddress: placed.remoteAddress)
        } catch {
            stream.reset()
            // A record that it refuses says nothing of the peer, nor does this node's own room.
            let isRefusal = error.code == .streamReset && request.message.kind == .putValue
            if !isRefusal, error.code != .limitExceeded { node.tag(peer, weight: 0, for: Self.reason) }
            throw error
        }
    }

    private func readMessage(from stream: any ByteStream) async throws(TransportError) -> KademliaMessage {
        var answers = KademliaAnswers(on: stream, within: answerRoom)
        guard let answer = try await answers.next() else {
            throw TransportError(.streamClosed, "the stream ended before the answer")
        }
        try answers.end()
        return answer
    }

    /// Writes a message that has no answer, and a question behind it with an answer that says that the peer has read the message and
    /// not refused it: a refusal resets the stream.
    ///
    /// Some answer the message as well, which means nothing, and some end the stream behind it. The half of this node stays
    /// open, since py-libp2p resets a stream with a closed other half, whatever it has done with the message. Whether a
    /// peer that does nothing at all has read it, nobody knows.
    private func tell(
        _ frame: [UInt8],
        _ request: Kademlia.Request,
        on placed: PlacedStream
    ) async throws(TransportError) {
        let stream = placed.stream.stream
        let question = KademliaMessage(kind: .getProviders, key: request.message.key)
        do throws(TransportError) {
            try await stream.write(frame + FrameEncoder.encode(question.encoded()))
            let isAnswered = try await withDeadline(
                configuration.settleTimeout,
                by: node.configuration.timeSource,
                onTimeout: { () -> TransportError in TransportError(.timedOut, "the peer did not answer") },
                discard: { (_: Bool) in },
                { () async throws(TransportError) in
                    var answers = KademliaAnswers(on: stream, within: self.answerRoom)
                    var answer = try await answers.next()
                    if answer?.kind == request.message.kind { answer = try await answers.next() }
                    guard answer != nil else { return false }
                    try answers.end()
                    return true
                }
            )
            if isAnswered {
                keep(placed, to: request.peer)
            } else {
                try await stream.closeWrite()
            }
        } catch {
            stream.reset()
            guard error.code == .timedOut else { throw error }
        }
    }

    // MARK: Peers to begin with

    /// Connects to peers that were servers once. Identify tells the rest.
    func greet(_ peers: [PeerID]) async {
        await withTaskGroup(of: Void.self) { group in
            for peer in peers {
                group.addTask {
                    do throws(TransportError) {
                        try await self.node.connect(to: peer, respectsBackoff: true)
                    } catch {
                        self.logger.debug(
                            "known server not reached", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
                    }
                }
            }
        }
    }

    /// Connects to the peers that answer at addresses, and again when the node has lost its place. Identify tells the rest.
    ///
    /// An IP address that leads to this node itself is of no more use; a name may lead elsewhere the next time, so it is tried again,
    /// also while the node takes itself for the first of its network because of it.
    func meet(_ addresses: [Multiaddr]) async {
        let retryDelay = configuration.kademlia.retryDelay
        var known: [Multiaddr: PeerID] = [:]
        var addresses = addresses
        /// Names that led to this node itself when they were last tried.
        var own: Set<Multiaddr> = []
        var delay = retryDelay
        while !Task.isCancelled, !addresses.isEmpty {
            if status.isReady, own.count < addresses.count {
                delay = retryDelay
                for await status in node.dhtBoard.updates() where !status.isReady { break }
                continue
            }
            for address in addresses {
                if let peer = known[address], node.isConnected(to: peer) { continue }
                do throws(TransportError) {
                    let peer = try await node.connect(to: address)
                    known[address] = peer
                    own.remove(address)
                    feed(.vouch([Kademlia.Contact(peer: peer, addresses: [address])]))
                } catch {
                    // Nobody was expected there, so that nobody but this node itself can be the wrong one.
                    if error.code != .peerMismatch {
                        own.remove(address)
                    } else if address.isNamed {
                        own.insert(address)
                    } else {
                        addresses.removeAll { $0 == address }
                    }
                    logger.debug("DHT bootstrap failed", metadata: ["address": "\(address)", "error": "\(error)"])
                }
            }
            if own.count == addresses.count {
                // A server that was given no address but its own is the first of its network, as one that was given none.
                let isFirst = trusted.isEmpty && configuration.kademlia.minimumReadyServers == 1
                if isFirst, state.withLock({ $0.isServing }) { feed(.isFirst) }
            }
            do {
                try await node.configuration.timeSource.sleep(delay)
            } catch {
                return
            }
            delay = min(delay * 2, .seconds(60))
        }
    }
}
