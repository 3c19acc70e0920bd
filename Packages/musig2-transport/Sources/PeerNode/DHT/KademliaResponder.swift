import KademliaDHT
import Logging
import Multiformats
import PeerTransport
import WireCodec

/// Answers what a peer asks on one stream, any number of requests one after another, where the transport reads. A request
/// that breaks a rule ends the stream with a reset.
final class KademliaResponder: StreamResponder {
    private let dht: NodeDHT
    private let context: ResponderContext
    private var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
    /// What the peer was charged for an unfinished request.
    private var heldBytes = 0

    init(of dht: NodeDHT, for context: ResponderContext) {
        self.dht = dht
        self.context = context
    }

    deinit {
        dht.responderEnded(context.remotePeer, holding: heldBytes)
    }

    func receive(_ bytes: [UInt8]) -> ResponderAction {
        let frames: [[UInt8]]
        do throws(FrameError) {
            frames = try decoder.feed(bytes)
        } catch {
            return refuse("\(error)")
        }
        guard charge(decoder.pendingBytes) else { return refuse("too many bytes of unfinished requests are held") }
        let limit = dht.configuration.maximumPipelinedRequests
        guard frames.count <= limit else {
            return refuse("expected at most \(limit) requests before the answers are read, found \(frames.count)")
        }
        var answers: [UInt8] = []
        for frame in frames {
            let request: KademliaMessage
            do throws(WireError) {
                request = try KademliaMessage(decoding: frame)
            } catch {
                return refuse("\(error)")
            }
            switch dht.answer(request, from: context.remotePeer, at: context.remoteAddress) {
            case .reply(let message): FrameEncoder.append(message.encoded(), to: &answers)
            case .noReply: break
            case .refuse(let refusal): return refuse("\(request.kind): \(refusal)")
            case nil: return refuse("the peer asks too often, or the DHT is over")
            }
            dht.metrics.requestAnswered()
        }
        return .send(answers)
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
        _ = charge(0)
        dht.metrics.requestRefused()
        dht.logger.debug(
            "DHT request refused", metadata: ["peer.remote": "\(context.remotePeer)", "reason": "\(reason)"])
        return .reset
    }
}
