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
    /// Requests that came together with one that was answered: each waits until there is room for its answer.
    private var waiting = Fifo<[UInt8]>()
    private var waitingBytes = 0
    /// What the peer was charged for an unfinished request and for those that wait.
    private var heldBytes = 0
    /// The answer to a request that must be looked at first, until it is there.
    private var late: LateAnswer?

    init(of dht: NodeDHT, for context: ResponderContext) {
        self.dht = dht
        self.context = context
    }

    deinit {
        dht.responderEnded(context.remotePeer, holding: heldBytes)
    }

    func maximumAnswer(to count: Int) -> Int { WireLimits.standard.kademliaMessageBytes + Self.lengthBytes }

    func receive(_ bytes: [UInt8]) -> ResponderAction {
        let frames: [[UInt8]]
        do throws(FrameError) {
            frames = try decoder.feed(bytes)
        } catch {
            return refuse("\(error)")
        }
        let limit = dht.configuration.maximumPipelinedRequests
        guard waiting.count + frames.count <= limit else {
            return refuse("expected at most \(limit) requests before the answers are read, found \(frames.count)")
        }
        for frame in frames {
            waiting.append(frame)
            waitingBytes += frame.count
        }
        return resume()
    }

    func resume() -> ResponderAction {
        if let late {
            self.late = nil
            // Without a verdict the DHT has ended.
            return take(late.verdict, of: .putValue)
        }
        let frame = waiting.popFirst()
        waitingBytes -= frame?.count ?? 0
        guard charge(decoder.pendingBytes + waitingBytes) else {
            return refuse("too many bytes of unfinished requests are held")
        }
        guard let frame else { return .send([]) }
        let request: KademliaMessage
        do throws(WireError) {
            request = try KademliaMessage(decoding: frame)
        } catch {
            return refuse("\(error)")
        }
        return take(dht.answer(request, from: context.remotePeer, at: context.remoteAddress), of: request.kind)
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
        case .refuse(let refusal): return refuse("\(kind): \(refusal)")
        case nil: return refuse("the peer asks too often, or the DHT is over")
        }
        dht.metrics.requestAnswered()
        return waiting.isEmpty ? .send(answer) : .sendAndResume(answer)
    }

    func receiveEnd() -> ResponderAction {
        decoder.pendingBytes == 0 ? .finish([]) : refuse("the stream ended inside a request")
    }

    /// Charges the peer for what is held now of an unfinished request; false when that is too much.
    private func charge(_ bytes: Int) -> Bool {
        guard bytes != heldBytes else { return true }
        guard dht.hold(bytes, insteadOf: heldBytes, from: context.remotePeer) else { return false }
        heldBytes = bytes
        return true
    }

    private func refuse(_ reason: String) -> ResponderAction {
        decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
        waiting = Fifo()
        waitingBytes = 0
        _ = charge(0)
        dht.metrics.requestRefused()
        dht.logger.debug(
            "DHT request refused", metadata: ["peer.remote": "\(context.remotePeer)", "reason": "\(reason)"])
        return .reset
    }
}
