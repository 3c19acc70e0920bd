import Logging
import Multiformats
import PeerTransport
import PeerTransportNIO
import Testing

@testable import PeerNode

/// Names that lead elsewhere than they may: nobody can send a node knocking at doors of its own network.
@Suite(.serialized, .timeLimit(.minutes(1))) struct NameDialTests {
    private static func node(_ filter: AddressFilter) throws -> PeerNode {
        var configuration = PeerNode.Configuration()
        configuration.dialFilter = filter
        return try PeerNode(
            identity: .generateEd25519(), configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    /// A node that listens, with its place as a name of this machine.
    private static func listener() async throws -> (node: PeerNode, name: Multiaddr) {
        let node = try node(.any)
        let address = try #require(try await node.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")]).first)
        return (node, try Multiaddr("\(address)".replacing("/ip4/127.0.0.1/", with: "/dns4/localhost/")))
    }

    @Test func aNameThatLeadsToAForbiddenAddressIsNotDialled() async throws {
        let (listener, name) = try await Self.listener()
        let node = try Self.node(.public)
        let bare = try #require(name.withoutPeerID)
        let errors = [
            await #expect(throws: TransportError.self) {
                try await node.connect(to: listener.localPeer, addresses: [name])
            },
            await #expect(throws: TransportError.self) { _ = try await node.connect(to: bare) },
        ]
        for error in errors {
            #expect(error?.code == .unsupportedAddress)
            #expect(error?.message.contains("leads to 127.0.0.1") == true, "\(error?.message ?? "")")
        }
        #expect(!listener.isConnected(to: node.localPeer))
        await node.shutdown()
        await listener.shutdown()
    }

    @Test func aFilterOfOneDialHoldsBesideThatOfTheNode() async throws {
        let (listener, name) = try await Self.listener()
        let node = try Self.node(.any)
        let error = await #expect(throws: TransportError.self) {
            try await node.connect(
                to: listener.localPeer, DialRequest(addresses: [name], respectsBackoff: false, filter: .public))
        }
        #expect(error?.code == .unsupportedAddress)
        try await node.connect(to: listener.localPeer, addresses: [name])
        #expect(node.isConnected(to: listener.localPeer))
        await node.shutdown()
        await listener.shutdown()
    }

    @Test func aWishIsCoveredByAWiderOne() throws {
        let address = try Multiaddr("/ip4/203.0.113.7/tcp/1")
        let wide = DialRequest(addresses: [address], respectsBackoff: false, filter: .any)
        let narrow = DialRequest(addresses: [], respectsBackoff: true, filter: .public)
        #expect(wide.covers(narrow) && wide.covers(wide) && narrow.covers(narrow))
        #expect(!narrow.covers(wide))
        #expect(!narrow.covers(DialRequest(addresses: [], respectsBackoff: true, filter: .any)))
    }
}
