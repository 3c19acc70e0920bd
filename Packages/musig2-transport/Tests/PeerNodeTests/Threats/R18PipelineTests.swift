import KademliaDHT
import Multiformats
import PeerTransport
import Testing
import WireCodec

@testable import PeerNode

/// R18: requests whose answers are never read.
@Suite(.timeLimit(.minutes(1))) struct R18PipelineTests {
    private let world = DHTWorld()

    /// Of requests that come together each is answered when there is room for its answer: one a call.
    @Test func r18RequestsInOnePieceAreAnsweredOneByOne() async throws {
        let dht = try await world.member(1, .server)
        let context = ResponderContext(
            remotePeer: try testPeer(9), remoteAddress: try Multiaddr("/memory/9"), protocolID: DHTWorld.protocolID)
        let responder = try #require(dht.node.responders.factory(for: DHTWorld.protocolID)?(context))
        let request = FrameEncoder.encode(KademliaMessage(kind: .findNode, key: DHTWorld.key(1)).encoded())
        let one = FrameEncoder.encode(KademliaMessage(kind: .findNode).encoded()).count
        var action = responder.receive([UInt8]([[UInt8]](repeating: request, count: 16).joined()))
        var answers = 0
        while case .sendAndResume(let answer) = action {
            #expect(answer.count <= responder.maximumAnswer(to: 0) && answer.count >= one)
            var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
            #expect(try decoder.feed(answer).count == 1)
            answers += 1
            action = responder.resume()
        }
        guard case .send(let last) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(!last.isEmpty && answers == 15)
        // No more than a piece is kept here of what comes together; the rest waits with the stream.
        #expect(responder.maximumPiece == 1_024)
        await dht.node.shutdown()
    }
}
