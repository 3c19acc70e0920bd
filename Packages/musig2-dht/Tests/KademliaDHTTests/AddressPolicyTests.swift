import KademliaDHT
import Multiformats
import Testing

@Suite("Which addresses a network uses")
struct AddressPolicyTests {
    @Test(arguments: [
        ("/ip4/8.8.8.8/tcp/1", true, false),
        ("/ip4/127.0.0.1/tcp/1", false, true),
        ("/ip4/10.1.2.3/tcp/1", false, true),
        ("/ip6/::1/tcp/1", false, true),
        ("/ip6/2001:4860::1/tcp/1", true, false),
        ("/ip6/64:ff9b::8.8.8.8/tcp/1", true, false),
        ("/ip6/64:ff9b::192.168.1.1/tcp/1", false, true),
        ("/ip6/2002:c0a8:101::1/tcp/1", false, true),
        ("/ip6/::10.0.0.1/tcp/1", false, true),
        ("/ip6/::ffff:10.0.0.1/tcp/1", false, true),
        ("/ip4/203.0.113.7/tcp/1", false, false),
        ("/ip6/2001:db8::1/tcp/1", false, false),
        ("/dns4/example.org/tcp/1", true, true),
        ("/memory/7", false, true),
    ])
    func kinds(text: String, isPublic: Bool, isPrivate: Bool) throws {
        let address = try Multiaddr(text)
        #expect(AddressPolicy.publicOnly.accepts(address) == isPublic)
        #expect(AddressPolicy.privateOnly.accepts(address) == isPrivate)
        #expect(AddressPolicy.any.accepts(address))
    }

    @Test(arguments: AddressPolicy.allCases)
    func whereNobodyIsIsNeverUsed(policy: AddressPolicy) throws {
        for host in [
            "ip4/0.0.0.0", "ip6/::", "ip4/224.0.0.251", "ip4/240.0.0.1", "ip4/255.255.255.255", "ip6/ff02::1",
            "ip6/64:ff9b::240.0.0.1",
        ] {
            #expect(!policy.accepts(try Multiaddr("/\(host)/tcp/1")))
        }
    }
}
