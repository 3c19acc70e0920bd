import Multiformats
import Testing

@testable import KademliaDHT

@Suite("What peers may say of addresses")
struct HearsayTests {
    /// The usual addresses are judged by their bytes alone: that must come to the same as reading them.
    @Test(arguments: [AddressScope.loopback, .local, .public])
    func theUsualOnesAreJudgedAsAllOthers(scope: AddressScope) throws {
        let hosts: [UInt32] = [0, 0x0000_0001, 0x0a00_0001, 0x7f00_0001, 0x0808_0808, 0xc0a8_0101, 0xe000_0001, .max]
        for host in hosts {
            for port: UInt16 in [0, 22, 80, 443, 1_023, 1_024, 4_001, .max] {
                let address = try Multiaddr([.ip4(IPv4Address(host)), .tcp(port)])
                let expected = Hearsay.isHarmless(address) && AddressScope(address) >= scope
                #expect(Hearsay.allows(address.bytes, namedIn: scope) == expected, "\(address)")
            }
        }
        let other = try Multiaddr("/ip4/8.8.8.8/udp/4001").bytes
        #expect(Hearsay.allows(other, namedIn: scope) && !Hearsay.allows([4, 8], namedIn: scope))
    }
}
