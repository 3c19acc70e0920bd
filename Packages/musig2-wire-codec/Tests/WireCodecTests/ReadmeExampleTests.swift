import Multiformats
import Testing
import WireCodec

/// The example of the README.
@Suite("The example of the README")
struct ReadmeExampleTests {
    @Test func example() throws {
        let invitation = try Invitation(
            sessionID: [UInt8](repeating: 7, count: 32),
            addresses: [Multiaddr("/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")])
        let text = invitation.text  // musig21pgs…
        let again = try Invitation(text)  // throws an InvitationError that says what is wrong with a mangled one

        let sync = Sync(sessionID: again.sessionID, attempt: 1, index: 0, run: 1)
        let stream = FrameEncoder.encode(Frame([.sync(sync)]).encoded())
        var decoder = FrameDecoder(maximumLength: WireLimits.standard.frameBytes)
        var items: [FrameItem] = []
        for frame in try decoder.feed(stream) { items += try Frame(decoding: frame).items }
        #expect(text.hasPrefix("musig21pgs"))
        #expect(again == invitation)
        #expect(items == [.sync(sync)])
    }
}
