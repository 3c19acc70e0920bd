import KademliaDHT
import Logging
import Multiformats
import PeerTransport
import WireCodec

/// Answers what a peer asks on one stream, any number of requests one after another, where the transport reads. A request
/// that breaks a rule ends the stream with a reset.
final class KademliaResponder: StreamResponder {
    /// What a length of that size takes.
    private static let lengthBytes = 3

    private let dht: NodeDHT
    private let context: ResponderContext
    private var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
    /// What the peer was charged for: the memory of bytes that came and are not answered.
    private var heldBytes = 0
    /// The answer to a request that must be looked at first, until it is there.
    private var late: LateAnswer?
    /// A request that waits for its turn, and its length.
    private var delayed: (request: KademliaMessage, bytes: Int)?

    init(of dht: NodeDHT, for context: ResponderContext) {
        self.dht = dht
        self.context = context
    }

    deinit {
        dht.responderEnded(context.remotePeer, holding: heldBytes)
    }

    func maximumAnswer(to count: Int) -> Int { WireLimits.standard.kademliaMessageBytes + Self.lengthBytes }

    /// Little, so that what comes together is held by the stream, and not here, while its requests wait for their turn.
    var maximumPiece: Int { 1_024 }

    func receive(_ bytes: [UInt8]) -> ResponderAction {
        decoder.append(bytes)
        return resume()
    }

    func resume() -> ResponderAction {
        if let late {
            self.late = nil
            // Without a verdict the DHT has ended.
            return take(late.verdict, of: .putValue)
        }
        if let (request, _) = delayed {
            delayed = nil
            guard charge() else { return refuseBytes() }
            return answer(request, hasWaited: true)
        }
        let request: KademliaMessage
        let length: Int
        do {
            let frame = try decoder.next()
            guard charge() else { return refuseBytes() }
            guard let frame else { return .send([]) }
            length = frame.count
            request = try KademliaMessage(decoding: frame)
        } catch {
            return refuse("\(error)")
        }
        let action = answer(request, hasWaited: false)
        if case .wait = action, late == nil {
            delayed = (request, length)
            guard charge() else { return refuseBytes() }
        }
        return action
    }

    private func answer(_ request: KademliaMessage, hasWaited: Bool) -> ResponderAction {
        take(
            dht.answer(
                request, from: context.remotePeer, at: context.remoteAddress, hasWaited: hasWaited),
            of: request.kind)
    }

    /// Sends the answer to a request, or waits for it.
    private func take(_ verdict: NodeDHT.Verdict?, of kind: KademliaMessage.Kind) -> ResponderAction {
        let answer: [UInt8]
        switch verdict {
        case .reply(let message): answer = FrameEncoder.encode(message.encoded())
        case .noReply: answer = []
        case .late(let late):
            self.late = late
            return .wait(late.wake)
        case .delayed(let wake):
            dht.metrics.requestDelayed()
            return .wait(wake)
        case .refuse(let refusal):
            let action = refuse("\(kind): \(refusal)")
            // A reset would say that such values are not kept here at all.
            return kind == .putValue && refusal.isForWantOfRoom ? .finish([]) : action
        case nil: return refuse("the peer asks far too often, or the DHT is over")
        }
        dht.metrics.requestAnswered()
        return decoder.pendingBytes == 0 ? .send(answer) : .sendAndResume(answer)
    }

    func receiveEnd() -> ResponderAction {
        decoder.pendingBytes == 0 ? .finish([]) : refuse("the stream ended inside a request")
    }

    /// Charges the peer for what is held now of requests that are not answered; false when that is too much.
    private func charge() -> Bool { charge(decoder.allocatedBytes + (delayed?.bytes ?? 0)) }

    private func charge(_ bytes: Int) -> Bool {
        guard bytes != heldBytes else { return true }
        guard dht.hold(bytes, insteadOf: heldBytes, from: context.remotePeer) else { return false }
        heldBytes = bytes
        return true
    }

    private func refuseBytes() -> ResponderAction { refuse("too many bytes of unanswered requests are held") }

    private func refuse(_ reason: String) -> ResponderAction {
        decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
        delayed = nil
        _ = charge(0)
        dht.metrics.requestRefused()
        dht.logger.debug(
            "DHT request refused", metadata: ["peer.remote": "\(context.remotePeer)", "reason": "\(reason)"])
        return .reset
    }
}
