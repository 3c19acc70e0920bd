import Multiformats
import PeerTransport
import Testing

@testable import PeerTransportNIO

@Suite("Limits on inbound connections")
struct InboundLimiterTests {
    private static func limiter(_ change: (inout TCPTransport.Limits) -> Void) -> InboundLimiter {
        var limits = TCPTransport.Limits()
        change(&limits)
        return InboundLimiter(limits: limits)
    }

    private static func network(_ number: Int) -> AddressRange {
        AddressRange(IPv4Address(UInt32(truncatingIfNeeded: number) << 8), length: 24)
    }

    private static func isRefused(_ admission: InboundLimiter.Admission) -> String? {
        guard case .refused(let reason) = admission else { return nil }
        return reason
    }

    @Test("a network that asks too often is throttled and let back in, and others do not notice")
    func networkRate() {
        var limiter = Self.limiter {
            $0.networkRate = TCPTransport.Rate(perSecond: 2, burst: 3)
            $0.inboundRate = TCPTransport.Rate(perSecond: 5, burst: 5)
        }
        let (loud, calm) = (Self.network(1), Self.network(2))
        for _ in 0..<3 { #expect(limiter.admit(loud, at: .seconds(10)) == .admitted(loud)) }
        for _ in 0..<1000 {
            #expect(
                limiter.admit(loud, at: .seconds(10))
                    == .refused("connections from 0.0.1.0/24: expected at most 2 per second, 3 at once"))
        }
        #expect(limiter.admit(calm, at: .seconds(10)) == .admitted(calm))
        #expect(limiter.admit(loud, at: .milliseconds(10_499)) != .admitted(loud))
        #expect(limiter.admit(loud, at: .milliseconds(10_500)) == .admitted(loud))
        // A clock that goes back gives nothing away.
        #expect(limiter.admit(loud, at: .seconds(1)) != .admitted(loud))
        for _ in 0..<3 { #expect(limiter.admit(loud, at: .seconds(60)) == .admitted(loud)) }
        #expect(limiter.admit(loud, at: .seconds(60)) != .admitted(loud))
    }

    @Test("the total has a rate of its own")
    func totalRate() {
        var limiter = Self.limiter { $0.inboundRate = TCPTransport.Rate(perSecond: 1, burst: 4) }
        for number in 0..<4 {
            #expect(limiter.admit(Self.network(number), at: .zero) == .admitted(Self.network(number)))
        }
        #expect(
            limiter.admit(Self.network(9), at: .zero)
                == .refused("inbound connections: expected at most 1 per second, 4 at once"))
        #expect(limiter.admit(Self.network(9), at: .seconds(1)) == .admitted(Self.network(9)))
        // Who is exempt is not counted.
        for _ in 0..<100 { #expect(limiter.admit(nil, at: .seconds(1)) == .admitted(nil)) }
    }

    @Test("connections of one network at a time, whatever their rate")
    func connections() {
        var limiter = Self.limiter { $0.networkConnections = 2 }
        let network = Self.network(1)
        for second in 0..<2 { #expect(limiter.admit(network, at: .seconds(second)) == .admitted(network)) }
        #expect(limiter.admit(network, at: .seconds(3)) == .refused("connections from 0.0.1.0/24: expected at most 2"))
        limiter.leave(network)
        #expect(limiter.admit(network, at: .seconds(4)) == .admitted(network))
        limiter.leave(nil)
        limiter.leave(Self.network(7))
    }

    @Test("a crowd of networks takes bounded memory, and shares one rate when there is no more of it")
    func crowd() {
        var limiter = Self.limiter {
            $0.networkRate = TCPTransport.Rate(perSecond: 1, burst: 10)
            $0.inboundRate = TCPTransport.Rate(perSecond: 1, burst: 100_000)
        }
        let maximum = InboundLimiter.maximumNetworks
        for number in 0..<maximum {
            #expect(limiter.admit(Self.network(number), at: .zero) == .admitted(Self.network(number)))
        }
        for number in 0..<10 { #expect(limiter.admit(Self.network(maximum + number), at: .zero) == .admitted(nil)) }
        #expect(Self.isRefused(limiter.admit(Self.network(maximum + 11), at: .zero)) != nil)
        #expect(limiter.networkCount == maximum)
        // Those that have gone and whose rate has recovered are forgotten.
        for number in 0..<maximum { limiter.leave(Self.network(number)) }
        #expect(limiter.admit(Self.network(maximum), at: .seconds(5)) == .admitted(Self.network(maximum)))
        #expect(limiter.networkCount == 1)
    }

    @Test("connections are counted by where they come from, unless that is exempt")
    func counted() throws {
        var limits = TCPTransport.Limits()
        limits.networkConnections = 1
        limits.exemptRanges = [try #require(AddressRange("10.0.0.0/8"))]
        let count = ConnectionCount(limits: limits)
        let near = try Multiaddr("/ip4/10.1.2.3/tcp/1")
        for _ in 0..<3 { _ = try count.open(isInbound: true, from: near) }
        let slot = try count.open(isInbound: true, from: Multiaddr("/ip4/127.0.0.1/tcp/1"))
        for other in ["/ip4/127.0.0.200/tcp/2", "/ip6/::ffff:7f00:1/tcp/2/ws"] {
            #expect(throws: TransportError(.limitExceeded, "")) {
                _ = try count.open(isInbound: true, from: Multiaddr(other))
            }
        }
        _ = try count.open(isInbound: true, from: Multiaddr("/ip6/2001:db8::1/tcp/1"))
        #expect(throws: TransportError(.limitExceeded, "")) {
            _ = try count.open(isInbound: true, from: Multiaddr("/ip6/2001:db8:0:ffff::1/tcp/1"))
        }
        _ = try count.open(isInbound: true, from: Multiaddr("/ip6/2001:db8:1::1/tcp/1"))
        _ = try count.open(isInbound: false, from: Multiaddr("/ip4/127.0.0.1/tcp/1"))
        #expect(count.total == 7)
        slot.release()
        _ = try count.open(isInbound: true, from: Multiaddr("/ip4/127.0.0.1/tcp/1"))
    }
}

@Suite("Ranges of addresses")
struct AddressRangeTests {
    @Test(
        "texts, and what is in them",
        arguments: [
            ("127.0.0.0/8", "127.0.0.0/8", "127.255.0.1", "128.0.0.1"),
            ("10.1.2.3/8", "10.0.0.0/8", "10.0.0.0", "11.0.0.0"), ("1.2.3.4", "1.2.3.4/32", "1.2.3.4", "1.2.3.5"),
            ("0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", "::1"), ("::/0", "::/0", "ffff::1", "0.0.0.0"),
            ("fc00::/7", "fc00::/7", "fdff::1", "fe00::"),
            ("2001:db8::1/64", "2001:db8::/64", "2001:db8::ffff", "2001:db9::"),
            ("::1/128", "::1/128", "::1", "::2"),
            ("2001:db8::8000:0:0:0/65", "2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:1", "2001:db8::1"),
        ])
    func texts(_ text: String, _ canonical: String, _ inside: String, _ outside: String) throws {
        let range = try #require(AddressRange(text))
        #expect(range == AddressRange(canonical))
        #expect(AddressRange(range.description) == range)
        #expect(range.contains(try #require(AddressRange(inside))))
        #expect(!range.contains(try #require(AddressRange(outside))))
    }

    @Test(
        "texts that are no range",
        arguments: ["", "/", "1.2.3/8", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "::1/x", "1.2.3.4/8/8"])
    func refused(_ text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test("networks are /24 and /48, and an IPv4 address in IPv6 clothes is one of IPv4")
    func networks() throws {
        #expect(
            AddressRange(addressOf: try Multiaddr("/ip4/192.0.2.77/tcp/1"))?.network == AddressRange("192.0.2.0/24"))
        #expect(
            AddressRange(addressOf: try Multiaddr("/ip6/2001:db8:1:2::5/tcp/1"))?.network
                == AddressRange("2001:db8:1::/48"))
        #expect(
            AddressRange(addressOf: try Multiaddr("/ip6/::ffff:c000:24d/tcp/1"))?.network
                == AddressRange("192.0.2.0/24"))
        #expect(AddressRange(addressOf: try Multiaddr("/dns4/localhost/tcp/1")) == nil)
    }
}

extension InboundLimiterTests {
    /// R17: one address that comes as often as it can leaves half to its neighbors.
    @Test("an address does not use up what its network may do")
    func r17OneAddressDoesNotLockOutItsNetwork() throws {
        var limits = TCPTransport.Limits()
        limits.networkConnections = 10
        limits.networkRate = TCPTransport.Rate(perSecond: 1, burst: 20)
        let count = ConnectionCount(limits: limits)
        func isLetIn(_ text: String, at now: Duration) throws -> Bool {
            let address = try Multiaddr(text)
            do throws(TransportError) {
                _ = try count.open(isInbound: true, from: address, at: now)
                return true
            } catch {
                return false
            }
        }
        let loud = try (0..<100).count { _ in try isLetIn("/ip4/66.6.6.6/tcp/4001", at: .zero) }
        let neighbors = try (10..<15).count { try isLetIn("/ip4/66.6.6.\($0)/tcp/4001", at: .zero) }
        #expect(loud == 5 && neighbors == 5)
    }
}
