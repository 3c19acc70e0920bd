import Multiformats
import Testing

@testable import musig2

/// What a person may name for others to dial.
struct AnnouncedAddressesTests {
    private static let peer = "12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT"
    private static let other = "12D3KooWKT9Bdbvj7zEA7B9eh9Sw5Tbi7eszrTE2vP4QAwsJTZWk"

    private func announced(_ texts: [String]) throws -> AnnouncedAddresses {
        try AnnouncedAddresses(texts.map { try Multiaddr($0) }, of: PeerID(Self.peer))
    }

    @Test
    func whatCanBeDialledIsTold() throws {
        let texts = [
            "/ip4/203.0.113.7/tcp/4001", "/ip6/2001:db8::7/tcp/4001/ws", "/dns4/example.org/tcp/443/tls/ws",
            "/dns/example.org/tcp/443/wss", "/ip4/203.0.113.7/tcp/4001/p2p/\(Self.peer)",
        ]
        let announced = try announced(texts)
        #expect(announced.addresses.map(\.description) == texts)
        #expect(announced.leftOut == [])
    }

    @Test(arguments: [
        ("/ip4/203.0.113.7", "has no TCP port behind the host"),
        ("/ip4/203.0.113.7/udp/4001/quic-v1", "has no TCP port behind the host"),
        ("/ip4/203.0.113.7/tcp/0", "has port 0, at which nobody listens"),
        ("/ip4/0.0.0.0/tcp/4001", "is no place: it stands for all addresses of a machine"),
        ("/ip6/::/tcp/4001", "is no place: it stands for all addresses of a machine"),
        ("/tcp/4001", "begins with no IP address and no name"),
        ("/unix/tmp%2Fsocket", "begins with no IP address and no name"),
        ("/p2p/\(peer)", "begins with no IP address and no name"),
        ("/ip4/203.0.113.7/tcp/4001/p2p/\(other)", "names the peer \(other), and this node is \(peer)"),
        (
            "/ip4/203.0.113.7/tcp/4001/p2p/\(other)/p2p-circuit/p2p/\(peer)",
            "names the peer \(other), and this node is \(peer)"
        ),
    ])
    func whatNobodyCouldDialIsRefused(_ text: String, _ problem: String) throws {
        let failure = #expect(throws: Failure.self) { try announced([text]) }
        #expect(failure?.message == "--announce: \"\(text)\" \(problem)")
        #expect(failure?.status == .usage)
    }

    @Test
    func whatIsTooLongIsLeftOut() throws {
        func address(_ count: Int) -> String {
            "/dns4/\(String(repeating: "a", count: 40)).\(String(repeating: "b", count: count - 41))/tcp/4001"
        }
        // 128 bytes: two of the name's code and length, three of the port, 41 of the peer id.
        let (longest, tooLong) = (address(82), address(83))
        let mixed = try announced([tooLong, longest])
        #expect(mixed.addresses.map(\.description) == [longest])
        #expect(mixed.leftOut.map(\.description) == [tooLong])
        let failure = #expect(throws: Failure.self) { try announced([tooLong]) }
        #expect(
            failure?.message
                == "--announce: \"\(tooLong)\" is too long: with the peer id, others are told at most 128 bytes")
    }
}
