import KademliaDHT
import Multiformats
import PeerTransport
import Synchronization
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
        await dht.node.shutdown()
    }

    /// No more than a piece is kept here of what comes together and has to wait; the rest waits with the stream.
    @Test func r18WhatComesTogetherWaitsWithTheStream() async throws {
        let clock = VirtualClock()
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        let dht = try await world.member(1, .server, configuration: configuration) {
            $0.inboundRequestBurst = 1
            $0.inboundRequestsPerSecond = 1
        }
        let stranger = try await world.node(2)
        try await stranger.connect(to: dht.node.localPeer, addresses: dht.node.addresses)
        let stream = try await stranger.openStream(to: dht.node.localPeer, protocols: [DHTWorld.protocolID]).stream
        let request = FrameEncoder.encode(KademliaMessage(kind: .findNode, key: DHTWorld.key(1)).encoded())
        let count = 16_384 / request.count
        try await stream.write([UInt8]([[UInt8]](repeating: request, count: count).joined()))
        // One is answered, and the next waits for its turn, with what came in the same piece.
        var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
        var answers = 0
        while answers < 1, let bytes = try await stream.read(upTo: 65_536) { answers += try decoder.feed(bytes).count }
        func held() -> Int { dht.state.withLock { $0.inbound.pendingBytes } }
        while !Task.isCancelled, held() == 0 { await Task.yield() }
        #expect(answers == 1 && held() > request.count && held() <= 2 * 1_024)
        await stranger.shutdown()
        await dht.node.shutdown()
    }
}
