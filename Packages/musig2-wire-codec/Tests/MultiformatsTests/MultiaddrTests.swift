import Multiformats
import Testing

@Suite("Multiaddrs")
struct MultiaddrTests {
    static let peer = "12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT"

    @Test(arguments: Libp2pFigures.addresses.indices)
    func figures(index: Int) throws {
        let figure = Libp2pFigures.addresses[index]
        let address = try Multiaddr(figure.text)
        #expect(Hex.encode(address.bytes) == figure.bytes)
        #expect(address.description == figure.text)
        #expect(try Multiaddr(bytes: try #require(Hex.decode(figure.bytes))) == address)
    }

    @Test(arguments: [
        ("/memory/258", "89060000000000000102"),
        ("/unix/var/run/signer.sock", "900314" + Hex.encode(Array("/var/run/signer.sock".utf8))),
        ("/unix/var//", "900306" + Hex.encode(Array("/var//".utf8))),
        // A combining mark behind a slash, which fuse into one `Character`.
        ("/dns4/\u{595}n~", "3604d6956e7e"),
        ("/ip6zone/eth0/ip6/fe80::1/tcp/9", "2a0465746830" + "29fe80000000000000000000000000000106" + "0009"),
        ("/dns/a.b/tcp/80/http-path/x%2Fy%20z", "3503612e62060050e10305782f79207a"),
    ])
    func otherComponents(text: String, hex: String) throws {
        let address = try Multiaddr(text)
        #expect(Hex.encode(address.bytes) == hex)
        #expect(address.description == text)
        #expect(try Multiaddr(bytes: address.bytes) == address)
    }

    @Test func textIsReadGenerously() throws {
        #expect(try Multiaddr("/ip4/1.2.3.4/tcp/5/").description == "/ip4/1.2.3.4/tcp/5")
        #expect(
            try Multiaddr("/ip4/1.2.3.4/tcp/5/ipfs/\(Self.peer)").description == "/ip4/1.2.3.4/tcp/5/p2p/\(Self.peer)")
        let cid = Libp2pFigures.peers[0].cid
        #expect(try Multiaddr("/p2p/\(cid)").description == "/p2p/\(Self.peer)")
    }

    @Test(arguments: [
        ("", MultiaddrError.empty),
        ("/", .empty),
        ("//", .empty),
        ("ip4/1.2.3.4", .noLeadingSlash),
        ("127.0.0.1:80", .noLeadingSlash),
        ("/ip4", .truncated(component: "ip4")),
        ("/ip4/1.2.3", .invalidValue(component: "ip4", found: "1.2.3")),
        ("/ip4/1.2.3.256", .invalidValue(component: "ip4", found: "1.2.3.256")),
        ("/ip4/1.2.3.04", .invalidValue(component: "ip4", found: "1.2.3.04")),
        ("/ip6/::1::", .invalidValue(component: "ip6", found: "::1::")),
        ("/ip4/1.2.3.4/tcp", .truncated(component: "tcp")),
        ("/ip4/1.2.3.4/tcp/", .truncated(component: "tcp")),
        ("/ip4/1.2.3.4/tcp/65536", .invalidValue(component: "tcp", found: "65536")),
        ("/ip4/1.2.3.4/tcp/-1", .invalidValue(component: "tcp", found: "-1")),
        ("/ip4/1.2.3.4//tcp/1", .empty),
        ("/ip4/1.2.3.4/sctp/1", .unknownName("sctp")),
        ("/p2p/notapeer", .invalidValue(component: "p2p", found: "notapeer")),
        ("/dns/a b/tcp/1", .invalidValue(component: "dns", found: "a b")),
        ("/unix", .truncated(component: "unix")),
        ("/http-path/%zz", .invalidValue(component: "http-path", found: "%zz")),
        ("/http-path/%ff", .invalidValue(component: "http-path", found: "%ff")),
        ("/memory/18446744073709551616", .invalidValue(component: "memory", found: "18446744073709551616")),
        (String(repeating: "/ws", count: 25), .tooLong(limit: 24)),
        ("/" + String(repeating: "a", count: 4_096), .tooLong(limit: 4_096)),
    ])
    func textRefused(text: String, error: MultiaddrError) {
        #expect(throws: error) { try Multiaddr(text) }
    }

    @Test(arguments: [
        ("", MultiaddrError.empty),
        ("04", .truncated(component: "ip4")),
        ("047f0000", .truncated(component: "ip4")),
        ("84", .varint(.truncated)),
        ("8400", .varint(.notMinimal)),
        ("07", .unknownCode(7)),
        ("047f000001", nil),
        ("0601", .truncated(component: "tcp")),
        ("35", .truncated(component: "dns")),
        ("35036162", .truncated(component: "dns")),
        ("3500", .invalidValue(component: "dns", found: "")),
        ("3501ff", .invalidValue(component: "dns", found: "ff")),
        ("35012f", .invalidValue(component: "dns", found: "/")),
        ("35ffffffffffffffffff01", .truncated(component: "dns")),
        ("a503020101", .invalidValue(component: "p2p", found: "0101")),
        ("90030161", .invalidValue(component: "unix", found: "a")),
        ("9003022f61dd03", .notLast(component: "unix")),
        (String(repeating: "dd03", count: 25), .tooLong(limit: 24)),
        (String(repeating: "00", count: 1_025), .tooLong(limit: 1_024)),
    ])
    func bytesRefused(hex: String, error: MultiaddrError?) throws {
        let bytes = try #require(Hex.decode(hex))
        if let error {
            #expect(throws: error) { try Multiaddr(bytes: bytes) }
        } else {
            #expect(try Multiaddr(bytes: bytes).bytes == bytes)
        }
    }

    @Test func everyTruncationAndBitFlipIsAnErrorOrOneEncoding() {
        for figure in Libp2pFigures.addresses {
            let bytes = Hex.decode(figure.bytes) ?? []
            var inputs = (0..<bytes.count).map { Array(bytes.prefix($0)) }
            for index in bytes.indices {
                for bit in 0..<8 {
                    var flipped = bytes
                    flipped[index] ^= 1 << UInt8(bit)
                    inputs.append(flipped)
                }
            }
            for input in inputs {
                do throws(MultiaddrError) {
                    let address = try Multiaddr(bytes: input)
                    #expect(address.bytes == input)
                    #expect(try Multiaddr(address.description) == address)
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }

    @Test func peersComeAndGo() throws {
        let peer = try PeerID(Self.peer)
        let plain = try Multiaddr("/ip4/10.0.0.1/tcp/4001")
        let full = try plain.appending(peer)
        #expect(full.description == "/ip4/10.0.0.1/tcp/4001/p2p/\(Self.peer)")
        #expect(try full.appending(peer) == full)
        #expect(full.peerID == peer)
        #expect(plain.peerID == nil)
        #expect(full.withoutPeerID == plain)
        #expect(plain.withoutPeerID == plain)
        #expect(try Multiaddr([.p2p(peer)]).withoutPeerID == nil)
    }

    @Test func encapsulation() throws {
        let outer = try Multiaddr("/ip4/10.0.0.1/tcp/1")
        let inner = try Multiaddr("/ws")
        let both = try outer.encapsulating(inner)
        #expect(both.description == "/ip4/10.0.0.1/tcp/1/ws")
        #expect(both.decapsulating(inner) == outer)
        #expect(both.decapsulating(both) == nil)
        #expect(outer.decapsulating(inner) == outer)
        #expect(outer.decapsulating(both) == outer)
        #expect(throws: MultiaddrError.notLast(component: "unix")) { try Multiaddr("/unix/a").encapsulating(inner) }
        #expect(throws: MultiaddrError.empty) { try Multiaddr([]) }
        #expect(throws: MultiaddrError.invalidValue(component: "sni", found: "")) { try Multiaddr([.sni("")]) }
        let long = String(repeating: "x", count: 253)
        #expect(throws: MultiaddrError.invalidValue(component: "dns", found: String(repeating: "x", count: 64))) {
            try Multiaddr([.dns(long + "x")])
        }
        #expect(throws: MultiaddrError.tooLong(limit: 1_024)) {
            try Multiaddr([.dns(long), .dns(long), .dns(long), .dns(long), .dns(long)])
        }
    }

    @Test(arguments: [
        ("/ip4/127.0.0.1/tcp/1", true, true), ("/ip4/127.9.9.9/tcp/1", true, true), ("/ip6/::1/tcp/1", true, true),
        ("/ip6/::ffff:127.0.0.1/tcp/1", true, true), ("/memory/1", true, true), ("/unix/a", true, true),
        ("/ip4/10.1.2.3/tcp/1", false, true), ("/ip4/172.16.0.1/tcp/1", false, true),
        ("/ip4/172.31.255.255/tcp/1", false, true), ("/ip4/172.32.0.0/tcp/1", false, false),
        ("/ip4/192.168.1.1/tcp/1", false, true), ("/ip4/169.254.1.1/tcp/1", false, true),
        ("/ip4/100.64.0.1/tcp/1", false, true), ("/ip4/100.128.0.1/tcp/1", false, false),
        ("/ip4/0.0.0.0/tcp/1", false, true), ("/ip4/8.8.8.8/tcp/1", false, false),
        ("/ip6/fc00::1/tcp/1", false, true), ("/ip6/fdff::1/tcp/1", false, true), ("/ip6/fe80::1/tcp/1", false, true),
        ("/ip6zone/eth0/ip6/fe80::1/tcp/1", false, true), ("/ip6/2001:db8::1/tcp/1", false, false),
        ("/ip6/::/tcp/1", false, true), ("/dns/localhost/tcp/1", false, false),
    ])
    func reach(text: String, loopback: Bool, isPrivate: Bool) throws {
        let address = try Multiaddr(text)
        #expect(address.isLoopback == loopback)
        #expect(address.isPrivate == isPrivate)
        #expect(address.isUnspecified == ["/ip4/0.0.0.0/tcp/1", "/ip6/::/tcp/1"].contains(text))
    }

    /// Where an address leads: to a local network, to nobody in particular, to the Internet.
    enum Place {
        case inner
        case nobody
        case nowhere
        case outer
    }

    @Test(arguments: [
        ("8.8.8.8", Place.outer), ("223.255.255.255", .outer), ("198.20.0.1", .outer), ("192.0.1.1", .outer),
        ("10.0.0.1", .inner), ("100.64.0.1", .inner), ("169.254.1.1", .inner), ("0.1.2.3", .inner),
        ("224.0.0.1", .nobody), ("239.255.255.255", .nobody), ("240.0.0.1", .nobody), ("255.255.255.255", .nobody),
        ("192.0.2.1", .nowhere), ("198.51.100.1", .nowhere), ("203.0.113.1", .nowhere), ("198.18.0.1", .nowhere),
        ("198.19.255.255", .nowhere), ("192.0.0.1", .nowhere),
    ])
    func placesOfIPv4(text: String, place: Place) throws {
        let address = try #require(IPv4Address(text))
        #expect(Self.place(address.isPrivate, address.isReserved, address.isPublic) == place)
        // In every form of IPv6 that leads to it, it is no better.
        let (value, other) = (UInt64(address.value), UInt64(~address.value))
        let forms = [
            IPv6Address(high: 0, low: 0xffff_0000_0000 | value), IPv6Address(high: 0, low: value),
            IPv6Address(high: 0, low: 0xffff_0000_0000_0000 | value),
            IPv6Address(high: 0x0064_ff9b_0000_0000, low: value), IPv6Address(high: 0x2002 << 48 | value << 16, low: 1),
            IPv6Address(high: 0x2001_0000_0808_0808, low: 0x1234_5678_0000_0000 | other & 0xffff_ffff),
        ]
        for form in forms {
            #expect(form.embeddedIPv4 == address)
            #expect(Self.place(form.isPrivate, form.isReserved, form.isPublic) == place, "\(form)")
        }
    }

    @Test(arguments: [
        ("2a00:1450::1", Place.outer), ("2001:4860::1", .outer), ("3ffe::1", .outer), ("64:ff9b::8.8.8.8", .outer),
        ("fc00::1", .inner), ("fd12::1", .inner), ("fe80::1", .inner), ("fec0::1", .inner), ("::1", .inner),
        ("64:ff9b:1::8.8.8.8", .inner), ("64:ff9b::192.168.1.1", .inner), ("2002:c0a8:101::1", .inner),
        ("ff02::1", .nobody), ("2001:db8::1", .nowhere), ("3fff:abc::1", .nowhere), ("2001:2::1", .nowhere),
        ("100::1", .nowhere), ("4000::1", .nowhere),
    ])
    func placesOfIPv6(text: String, place: Place) throws {
        let address = try #require(IPv6Address(text))
        #expect(Self.place(address.isPrivate, address.isReserved, address.isPublic) == place)
        let multiaddr = try Multiaddr("/ip6/\(text)/tcp/1")
        #expect(Self.place(multiaddr.isPrivate, multiaddr.isReserved, multiaddr.isPublic) == place)
    }

    private static func place(_ isPrivate: Bool, _ isReserved: Bool, _ isPublic: Bool) -> Place {
        switch (isPrivate, isReserved, isPublic) {
        case (true, false, false): .inner
        case (false, true, false): .nobody
        case (false, false, true): .outer
        default: .nowhere
        }
    }

    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("1::1.2.3.4", "1::102:304"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ])
    func ip6(text: String, expected: String) throws {
        let address = try #require(IPv6Address(text))
        #expect(address.description == expected)
        #expect(IPv6Address(expected) == address)
        #expect(address.bytes.count == 16)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1", "1:", ":1::", "::1:",
        "12345::",
        "g::", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "::1 ",
    ])
    func ip6Refused(text: String) {
        #expect(IPv6Address(text) == nil)
    }
}
