import ArgumentParser
import MuSig2Coordination
import Multiformats
import PeerNode
import PeerTransport
import Testing

@testable import musig2

/// The words of the command line that say how a session is found.
struct DiscoveryOptionsTests {
    private func ways(_ words: [String], hasNetwork: Bool = true) throws -> Set<DiscoveryMethod> {
        try DiscoveryOptions.parse(words.flatMap { ["--discovery", $0] }).ways(hasNetwork: hasNetwork)
    }

    @Test
    func ways() throws {
        #expect(try ways([]) == [.rendezvous])
        #expect(try ways([], hasNetwork: false) == [])
        #expect(try ways(["rendezvous,inbox"]) == [.rendezvous, .inbox])
        #expect(try ways(["record", "inbox"]) == [.record, .inbox])
        #expect(try ways(["invitation"], hasNetwork: false) == [])
        #expect(try ways(["invitation,record"]) == [.record], "an invitation works in any case")
        #expect(try ways(["none"]) == [])
    }

    @Test(arguments: [
        (["radio"], true, "--discovery: there is no way \"radio\""),
        (["none", "inbox"], true, "--discovery: none excludes other ways"),
        (["record"], false, "--discovery record needs a DHT, and there is no --bootstrap"),
    ])
    func wrongWays(words: [String], hasNetwork: Bool, message: String) {
        let failure = #expect(throws: Failure.self) { try ways(words, hasNetwork: hasNetwork) }
        #expect(failure?.status == .usage)
        #expect(failure?.message == message)
    }

    @Test
    func words() throws {
        let first = "/ip4/127.0.0.1/tcp/1"
        let second = "/ip4/127.0.0.1/tcp/2/ws"
        let one = try NetworkOptions.parse(["--bootstrap", "\(first),\(second)"])
        let addresses = try one.bootstrapAddresses()
        #expect(addresses == [try Multiaddr(first), try Multiaddr(second)])
        #expect(one.words(for: addresses) == " --bootstrap \(first) --bootstrap \(second)")
        let other = try NetworkOptions.parse(["--network", "ipfs", "--bootstrap", first])
        #expect(other.words(for: try other.bootstrapAddresses()) == " --bootstrap \(first) --network ipfs")
        #expect(other.configuration(.client, bootstrap: []).protocolID == "/ipfs/kad/1.0.0")
        #expect(one.configuration(.client, bootstrap: []).protocolID == "/musig2/kad/1.0.0")
    }
}
