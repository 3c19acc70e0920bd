import Multiformats
import PeerTransport
import PeerTransportNIO
import Testing
import WireCodec

@testable import PeerNode

@Suite struct SelfDescriptionTests {
    @Test func peersAreToldWhatTheyCanUse() throws {
        let identity = NodeIdentity.generateEd25519()
        let texts = ["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/203.0.113.7/tcp/1"]
        let description = SelfDescription(
            publicKey: identity.publicKey.bytes,
            addresses: try texts.map { try Multiaddr("\($0)/p2p/\(identity.peerID)") },
            protocols: ["/a"], agentVersion: "x", protocolVersion: "y")
        for (scope, count) in [(AddressScope.loopback, 3), (.private, 2), (.public, 1)] {
            let message = description.message(for: scope) { Array($0.map(\.description).joined().utf8) }
            let told = try texts.suffix(count).reversed().map { try Multiaddr($0) }
            #expect(message.listenAddresses == told.map(\.bytes))
            #expect(message.signedPeerRecord == Array(told.map(\.description).joined().utf8), "the same are signed")
            #expect(message.protocols == ["/a"] && message.agentVersion == "x" && message.protocolVersion == "y")
        }
    }

    /// Some implementations read no more than 4 KiB.
    @Test func theMessageNeverGetsTooLong() throws {
        let identity = NodeIdentity.generateSecp256k1()
        let name = String(repeating: "a", count: 60)
        for count in [1, 30, 100, 400] {
            let description = SelfDescription(
                publicKey: identity.publicKey.bytes,
                addresses: try (1...200).map { try Multiaddr("/dns4/\(name).example/tcp/\($0)") },
                protocols: (0..<count).map { ProtocolID("/\($0)/" + String(repeating: "b", count: 40)) },
                agentVersion: "x", protocolVersion: "")
            let message = description.message(for: .public) { addresses in
                do {
                    return try CertifiedAddresses.envelope(addresses, sequence: 1, by: identity)
                } catch {
                    Issue.record(error)
                    return []
                }
            }
            let bytes = message.encoded().count
            #expect(bytes <= SelfDescription.maximumBytes - 100, "\(count) protocols")
            #expect(!message.listenAddresses.isEmpty)
            #expect(message.protocols.first == "/0/" + String(repeating: "b", count: 40))
        }
    }

    /// Peers of a local network are told where they can reach the node, however many addresses of the Internet it has.
    @Test func manyAddressesOfTheInternetLeaveRoomForOthers() throws {
        let identity = NodeIdentity.generateEd25519()
        let outer = try (1...61).map { try Multiaddr("/ip4/8.8.8.\($0)/tcp/1") }
        let inner = try ["/ip4/192.168.1.7/tcp/1", "/ip6/fd00::1/tcp/1"].map { try Multiaddr($0) }
        let description = SelfDescription(
            publicKey: identity.publicKey.bytes, addresses: outer + inner, protocols: ["/a"], agentVersion: "x",
            protocolVersion: "y")
        let told = description.message(for: .private) { _ in [] }.listenAddresses
        #expect(inner.allSatisfy { told.contains($0.bytes) } && told.contains(outer[0].bytes))
    }

    @Test func sequencesGrow() throws {
        var state = IdentifyState(pushRate: RateLimit(burst: 1, perSecond: 1), capacity: 2)
        #expect(state.nextSequence(wallMilliseconds: 5) == 5_000_000)
        #expect(state.nextSequence(wallMilliseconds: 5) == 5_000_001)
        #expect(state.nextSequence(wallMilliseconds: 1) == 5_000_002, "also when the clock goes back")
        state.restore(lastSequence: 9_000_000)
        #expect(state.nextSequence(wallMilliseconds: 6) == 9_000_001)
        #expect(state.nextSequence(wallMilliseconds: .max) == 9_000_002)
    }

    @Test func whoWasToldIsBounded() throws {
        var state = IdentifyState(pushRate: RateLimit(burst: 1, perSecond: 1), capacity: 2)
        let peers = try (1...4).map { try testPeer($0) }
        state.note(peers[0], wasTold: 1) { [] }
        state.note(peers[1], wasTold: 1) { [] }
        state.note(peers[2], wasTold: 1) { [peers[1]] }
        #expect(Set(state.told.keys) == [peers[1], peers[2]])
        state.note(peers[3], wasTold: 1) { [peers[1], peers[2]] }
        #expect(state.told[peers[3]] == nil)
        state.changed()
        #expect(state.isBehind(peers[1]) && !state.isBehind(peers[3]))
        state.note(peers[1], wasTold: 2) { [] }
        #expect(state.nextRound(of: peers) == [peers[2]])
    }

    @Test func observationsAreHints() throws {
        var observed = ObservedAddresses(limits: .init(addresses: 2, observers: 2, lifetime: .seconds(10)))
        let addresses = try (1...3).map { try Multiaddr("/ip4/203.0.113.\($0)/tcp/1") }
        let peers = try (1...4).map { try testPeer($0) }
        observed.note(addresses[0], by: peers[0], at: .seconds(1))
        observed.note(addresses[0], by: peers[0], at: .seconds(1))
        observed.note(addresses[0], by: peers[1], at: .seconds(1))
        observed.note(addresses[0], by: peers[2], at: .seconds(1))
        observed.note(addresses[1], by: peers[2], at: .seconds(2))
        #expect(
            observed.all(at: .seconds(2)) == [
                ObservedAddress(address: addresses[0], observers: 2),
                ObservedAddress(address: addresses[1], observers: 1),
            ]
        )
        observed.note(addresses[2], by: peers[3], at: .seconds(3))
        #expect(observed.all(at: .seconds(3)).map(\.address) == [addresses[0], addresses[2]], "the weakest goes")
        observed.forget(peers[0])
        #expect(observed.all(at: .seconds(3)).map(\.observers) == [1, 1])
        #expect(observed.all(at: .seconds(11)).map(\.address) == [addresses[2]])
        #expect(observed.all(at: .seconds(13)).isEmpty)
    }
}
