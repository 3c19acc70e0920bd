import MuSig2Coordination
import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

@testable import musig2

/// What a person reads while a session waits.
struct ProgressTests {
    private let session = SessionID(Hash32.random())

    @Test
    func signersThatGoAndComeBackAreNamed() throws {
        let peer = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
        var presence = Presence()
        #expect(presence.line(.peerDisconnected(peer)) == nil, "a stranger is nobody's loss")
        #expect(presence.line(.participantJoined(session, signer: 1, peer: peer, joined: 2, total: 3)) == nil)
        #expect(presence.line(.peerConnected(peer)) == nil, "it was not gone")
        #expect(
            presence.line(.peerDisconnected(peer))?.text
                == "gone        signer 2; it may come back, by itself or by `musig2 join`")
        #expect(presence.line(.peerDisconnected(peer)) == nil, "said once")
        #expect(presence.line(.peerConnected(peer))?.text == "back        signer 2")
    }

    @Test
    func joinsSayHowManyAreMissing() throws {
        let peer = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
        let second = ProgressLine(.participantJoined(session, signer: 1, peer: peer, joined: 2, total: 3))
        #expect(second?.text == "joined      signer 2  (2/3), waiting for 1 more")
        let third = ProgressLine(.participantJoined(session, signer: 2, peer: peer, joined: 3, total: 3))
        #expect(third?.text == "joined      signer 3  (3/3)")
    }

    @Test
    func failuresAreSaidOnce() {
        let error = CoordinatorError(.invalidRequest, "the request: too large", underlying: "too large")
        #expect(Failure(error).message == "the request: too large")
        let other = CoordinatorError(.unreachable, "nobody there", underlying: "connection refused")
        #expect(Failure(other).message == "nobody there (connection refused)")
        let refused = CoordinatorError(.notApproved, "the consent policy refused: you said no")
        #expect(Failure(refused).message == "refused: you said no")
        #expect(Failure(refused).status == .refused)
    }
}
