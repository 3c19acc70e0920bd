import Multiformats
import Testing

@testable import PeerNode

@Suite struct InterfaceAddressesTests {
    @Test(arguments: ["/ip4/127.0.0.1/tcp/1", "/ip4/10.1.2.3/tcp/1", "/memory/1", "/dns4/a.example/tcp/1"])
    func addressesOfOneInterfaceStay(text: String) throws {
        let address = try Multiaddr(text)
        #expect(InterfaceAddresses.reachable(at: address) == [address])
    }

    /// What nobody can reach is not told to anybody.
    @Test func withoutANetworkThereIsNoAddress() throws {
        let address = try Multiaddr("/ip4/0.0.0.0/tcp/4001")
        #expect(InterfaceAddresses.reachable(at: address) { [] }.isEmpty)
        #expect(InterfaceAddresses.reachable(at: address) { [.ip6(.loopback)] }.isEmpty)
        let alone = InterfaceAddresses.reachable(at: address) { [.ip4(.loopback)] }
        #expect(alone == [try Multiaddr("/ip4/127.0.0.1/tcp/4001")])
    }

    @Test func theUnspecifiedAddressBecomesThoseOfTheInterfaces() throws {
        let address = try Multiaddr("/ip4/0.0.0.0/tcp/4001")
        let found = InterfaceAddresses.reachable(at: address)
        #expect(!found.isEmpty, "every machine has its loopback interface")
        for other in found {
            #expect(!other.isUnspecified && other.components.last == .tcp(4001))
            if case .ip4? = other.components.first {} else { Issue.record("not IPv4: \(other)") }
        }
    }
}
