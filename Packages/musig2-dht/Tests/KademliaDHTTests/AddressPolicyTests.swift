import KademliaDHT
import Multiformats
import Testing

struct AddressPolicyTests {
    @Test(arguments: [
        ("/ip4/8.8.8.8/tcp/1", true, false),
        ("/ip4/127.0.0.1/tcp/1", false, true),
        ("/ip4/10.1.2.3/tcp/1", false, true),
        ("/ip6/::1/tcp/1", false, true),
        ("/ip6/2001:db8::1/tcp/1", true, false),
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
    func unspecifiedIsNeverUsed(policy: AddressPolicy) throws {
        #expect(!policy.accepts(try Multiaddr("/ip4/0.0.0.0/tcp/1")))
        #expect(!policy.accepts(try Multiaddr("/ip6/::/tcp/1")))
    }
}
