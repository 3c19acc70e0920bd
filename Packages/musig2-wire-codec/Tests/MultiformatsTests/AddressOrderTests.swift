import Multiformats
import Testing

@Suite("The order of addresses")
struct AddressOrderTests {
    private func addresses(_ texts: [String]) throws -> [Multiaddr] { try texts.map { try Multiaddr($0) } }

    /// Bridges come before the address of the Internet, and all of IPv4 before IPv6: of each kind one is told, however few may be.
    @Test func ofEachKindOneBeforeASecondOfAny() throws {
        let hosts = ["172.17.0.1", "172.18.0.1", "172.19.0.1", "8.8.8.8"]
        let all = try addresses(
            hosts.map { "/ip4/\($0)/tcp/1" } + hosts.map { "/ip4/\($0)/tcp/2/ws" }
                + ["/ip6/fd00::1/tcp/3", "/ip6/2a00:1450::1/tcp/3"])
        #expect(
            AddressOrder.worthiest(all, atMost: 8).map(\.description) == [
                "/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.8/tcp/2/ws", "/ip6/2a00:1450::1/tcp/3",
                "/ip4/172.17.0.1/tcp/1", "/ip4/172.17.0.1/tcp/2/ws", "/ip6/fd00::1/tcp/3",
                "/ip4/172.18.0.1/tcp/1", "/ip4/172.18.0.1/tcp/2/ws",
            ])
        #expect(AddressOrder.worthiest(all, atMost: 2).map(\.isPrivate) == [false, false])
        #expect(Set(AddressOrder.worthiest(all, atMost: .max)) == Set(all))
    }

    /// However many there are of the Internet, those for the local network are among the first.
    @Test func manyOfTheInternetLeaveRoomForTheLocalNetwork() throws {
        let all = try addresses(
            (1...61).map { "/ip4/8.8.8.\($0)/tcp/1" } + ["/ip4/192.168.1.7/tcp/1", "/ip4/127.0.0.1/tcp/1"])
        let told = AddressOrder.worthiest(all, atMost: 32)
        #expect(
            told.prefix(3).map(\.description) == [
                "/ip4/8.8.8.1/tcp/1", "/ip4/192.168.1.7/tcp/1", "/ip4/127.0.0.1/tcp/1",
            ])
        #expect(told.count == 32)
    }

    @Test func whatIsNoPlaceIsNotTold() throws {
        let all = try addresses([
            "/ip4/0.0.0.0/tcp/1", "/ip6/::/tcp/1", "/dns4/a.example/tcp/1", "/dns4/a.example/tcp/1",
        ])
        #expect(AddressOrder.worthiest(all, atMost: 8).map(\.description) == ["/dns4/a.example/tcp/1"])
        #expect(AddressOrder.worthiest([], atMost: 8).isEmpty)
    }
}
