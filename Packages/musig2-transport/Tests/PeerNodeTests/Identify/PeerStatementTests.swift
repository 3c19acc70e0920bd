import Multiformats
import PeerTransport
import PeerTransportNIO
import Testing
import WireCodec

@testable import PeerNode

@Suite struct PeerStatementTests {
    private let identity = NodeIdentity.generateEd25519()
    private let other = NodeIdentity.generateSecp256k1()
    private let away: Multiaddr

    init() throws {
        away = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
    }

    private func bytes(_ texts: [String]) throws -> [[UInt8]] {
        try texts.map { try Multiaddr($0).bytes }
    }

    private func judge(_ message: Identify, at address: Multiaddr? = nil) throws -> PeerStatement {
        try PeerStatement(message, from: identity.peerID, at: address ?? away)
    }

    private func error(of message: Identify) -> IdentifyError? {
        do {
            _ = try judge(message)
            return nil
        } catch {
            return error as? IdentifyError
        }
    }

    /// The record that go-libp2p made.
    @Test func aRecordOfAnotherImplementationHolds() throws {
        let envelope = try #require(
            Hex.decode(
                "0a2408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606120203011a440a2600240801"
                    + "1220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb60610011a0a0a08047f000001060fa11a0c"
                    + "0a0a047f000001060fa2dd032a40109294148bb2ed3d8b0fe7afb29435f80001134048bc12c5570e643039d6288e78926de2"
                    + "488c68468bc0021e16eacf8eae7660eaf181d47de285e743de681206"
            )
        )
        let signer = try PeerID("12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT")
        let addresses = try bytes(["/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4002/ws"])
        #expect(
            CertifiedAddresses.verdict(on: envelope, from: signer)
                == .valid(CertifiedAddresses(sequence: 1, addresses: addresses))
        )
        #expect(CertifiedAddresses.verdict(on: envelope, from: identity.peerID) == .anotherPeers)
        for index in envelope.indices {
            var changed = envelope
            changed[index] ^= 1
            if case .valid = CertifiedAddresses.verdict(on: changed, from: signer) {
                Issue.record("byte \(index) changed, and the record still holds")
            }
        }
    }

    @Test(arguments: [NodeIdentity.generateEd25519(), .generateSecp256k1()])
    func ourRecordHolds(_ signer: NodeIdentity) throws {
        let address = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
        let envelope = try CertifiedAddresses.envelope([address], sequence: 9, by: signer)
        #expect(
            CertifiedAddresses.verdict(on: envelope, from: signer.peerID)
                == .valid(CertifiedAddresses(sequence: 9, addresses: [address.bytes]))
        )
    }

    @Test func aRecordOfAnotherKindOrDomainIsWorthless() throws {
        let address = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
        let record = PeerRecord(peerID: identity.peerID.bytes, sequence: 1, addresses: [address.bytes])
        // As rust-libp2p did it for years.
        let type = Array("/libp2p/routing-state-record".utf8)
        var envelope = SignedEnvelope(
            publicKey: identity.publicKey.bytes, payloadType: type, payload: record.encoded(), signature: [])
        envelope.signature = try identity.signature(for: envelope.signedBytes(domain: "libp2p-routing-state"))
        var message = Identify(listenAddresses: [address.bytes], signedPeerRecord: envelope.encoded())
        #expect(try judge(message).worthlessRecord == "another payload type")
        envelope.payloadType = PeerRecord.payloadType
        message.signedPeerRecord = envelope.encoded()
        let statement = try judge(message)
        #expect(statement.worthlessRecord == "the signature does not hold")
        #expect(statement.certified == nil && statement.addresses == [address])
        message.signedPeerRecord = [1, 2, 3]
        #expect(try judge(message).worthlessRecord?.hasPrefix("Envelope") == true)
    }

    @Test func aLieIsNamed() throws {
        #expect(error(of: Identify(publicKey: other.publicKey.bytes)) == .anotherKey)
        #expect(error(of: Identify(publicKey: [1, 2, 3])) == .anotherKey)
        #expect(error(of: Identify(publicKey: identity.publicKey.bytes)) == nil)
        let stolen = try CertifiedAddresses.envelope([], sequence: 1, by: other)
        #expect(error(of: Identify(signedPeerRecord: stolen)) == .anotherPeersRecord)
        // Its own key under a record that names another peer.
        let record = PeerRecord(peerID: other.peerID.bytes, sequence: 1, addresses: [])
        var envelope = SignedEnvelope(
            publicKey: identity.publicKey.bytes, payloadType: PeerRecord.payloadType, payload: record.encoded(),
            signature: [])
        envelope.signature = try identity.signature(for: envelope.signedBytes(domain: PeerRecord.domain))
        #expect(error(of: Identify(signedPeerRecord: envelope.encoded())) == .anotherPeersRecord)
        #expect(IdentifyError.anotherKey.isLie && IdentifyError.anotherPeersRecord.isLie)
        #expect(!IdentifyError.nothing.isLie)
    }

    @Test func addressesOutOfPlaceAreLeftOut() throws {
        let listed = [
            "/ip4/203.0.113.7/tcp/4001", "/ip4/192.168.1.1/tcp/4001", "/ip4/127.0.0.1/tcp/4001", "/ip6/::1/tcp/4001",
            "/ip4/0.0.0.0/tcp/4001", "/ip4/224.0.0.1/tcp/4001", "/ip4/203.0.113.7/tcp/0", "/dns4/peer.example/tcp/4001",
            "/ip6/fe80::1/tcp/4001", "/ip6/2001:db8::1/tcp/4001",
        ]
        var message = Identify(listenAddresses: try bytes(listed))
        let far = try judge(message)
        #expect(
            far.addresses.map(\.description)
                == ["/ip4/203.0.113.7/tcp/4001", "/dns4/peer.example/tcp/4001", "/ip6/2001:db8::1/tcp/4001"]
        )
        #expect(far.refused.outOfPlace == 7)
        let near = try judge(message, at: try Multiaddr("/ip4/192.168.1.9/tcp/9"))
        #expect(near.addresses.contains(try Multiaddr("/ip4/192.168.1.1/tcp/4001")))
        #expect(!near.addresses.contains(try Multiaddr("/ip4/127.0.0.1/tcp/4001")))
        let here = try judge(message, at: try Multiaddr("/ip4/127.0.0.1/tcp/4009"))
        #expect(here.addresses.contains(try Multiaddr("/ip4/127.0.0.1/tcp/4001")))

        let mine = "/ip4/203.0.113.7/tcp/4002/p2p/\(identity.peerID)"
        let foreign = "/ip4/203.0.113.7/tcp/4003/p2p/\(other.peerID)"
        message.listenAddresses = try bytes([mine, foreign]) + [[0xFF, 0xFF, 0x03], []]
        let named = try judge(message)
        #expect(named.addresses == [try Multiaddr("/ip4/203.0.113.7/tcp/4002")])
        #expect(named.refused.foreign == 1 && named.refused.unknown == 2)
    }

    @Test func everythingIsBounded() throws {
        let many = try (1...1000).map { try Multiaddr("/ip4/203.0.113.7/tcp/\(4_000 + $0)").bytes }
        let statement = try judge(
            Identify(
                listenAddresses: many, protocols: ["/a", "/a", "", "/b\n"],
                agentVersion: "agent\u{1B}[31m\u{202E}" + String(repeating: "é", count: 500))
        )
        #expect(statement.addresses.count == PeerStatement.maximumAddresses)
        #expect(statement.refused.tooMany == 1000 - PeerStatement.maximumAddresses)
        #expect(statement.protocols == ["/a"])
        let crowd = try judge(Identify(protocols: (0..<1000).map { "/\($0)" }))
        #expect(crowd.protocols.count == PeerStatement.maximumProtocols)
        #expect(crowd.refused.tooMany == 1000 - PeerStatement.maximumProtocols)
        #expect(statement.agentVersion.hasPrefix("agent[31mé"))
        #expect(statement.agentVersion.utf8.count <= PeerStatement.maximumText)
    }

    // MARK: What a statement changes

    private func statement(
        _ addresses: [String] = [],
        protocols: [String] = [],
        agent: String = "",
        certified: (UInt64, [String])? = nil
    ) throws -> PeerStatement {
        var message = Identify(listenAddresses: try bytes(addresses), protocols: protocols, agentVersion: agent)
        if let (sequence, addresses) = certified {
            message.signedPeerRecord = try CertifiedAddresses.envelope(
                try addresses.map { try Multiaddr($0) }, sequence: sequence, by: identity)
        }
        return try judge(message)
    }

    @Test func inAPushWhatIsMissingIsUnchanged() throws {
        let (one, two) = ("/ip4/203.0.113.7/tcp/4001", "/ip4/203.0.113.7/tcp/4002")
        var information = PeerInformation()
        information.update(by: try statement([one], protocols: ["/a"], agent: "x"), isPush: false, knownSequence: 0)
        let first = information
        information.update(by: try statement(), isPush: true, knownSequence: 0)
        #expect(information == first)
        information.update(by: try statement([], protocols: ["/b"]), isPush: true, knownSequence: 0)
        #expect(information.protocols == ["/b"] && information.addresses == first.addresses)
        #expect(information.agentVersion == "x")
        information.update(by: try statement([two]), isPush: true, knownSequence: 0)
        #expect(information.addresses == [try Multiaddr(two)])
        information.update(by: try statement(), isPush: false, knownSequence: 0)
        #expect(information == PeerInformation())
    }

    @Test func onlyANewerRecordCounts() throws {
        let (one, two, three) = ("/ip4/203.0.113.7/tcp/4001", "/ip4/203.0.113.7/tcp/4002", "/ip4/203.0.113.7/tcp/4003")
        var information = PeerInformation()
        #expect(
            !information.update(by: try statement([two], certified: (5, [one])), isPush: false, knownSequence: 4))
        #expect(try information.isCertified && information.addresses == [Multiaddr(one)])
        #expect(
            information.update(by: try statement([three], certified: (4, [two])), isPush: true, knownSequence: 5))
        #expect(try information.isCertified && information.addresses == [Multiaddr(one)])
        information.update(by: try statement([three]), isPush: true, knownSequence: 5)
        #expect(information.addresses == [try Multiaddr(one)], "what is signed stands until newer is signed")
        #expect(
            !information.update(by: try statement(certified: (6, [three])), isPush: true, knownSequence: 5))
        #expect(information.addresses == [try Multiaddr(three)])
        var fresh = PeerInformation()
        #expect(fresh.update(by: try statement([three], certified: (4, [two])), isPush: false, knownSequence: 6))
        #expect(try !fresh.isCertified && fresh.addresses == [Multiaddr(three)])
    }

    /// A peer behind a router may sign its private addresses only.
    @Test func aRecordWithoutUsableAddressesLeavesWhatThePeerSays() throws {
        let (one, two, local) = ("/ip4/203.0.113.7/tcp/4001", "/ip4/203.0.113.7/tcp/4002", "/ip4/192.168.0.1/tcp/4001")
        var information = PeerInformation()
        #expect(
            !information.update(by: try statement([one], certified: (5, [local])), isPush: false, knownSequence: 4))
        #expect(try !information.isCertified && information.addresses == [Multiaddr(one)])
        information.update(by: try statement(certified: (6, [two])), isPush: true, knownSequence: 5)
        #expect(try information.isCertified && information.addresses == [Multiaddr(two)])
        information.update(by: try statement(certified: (7, [local])), isPush: true, knownSequence: 6)
        #expect(try !information.isCertified && information.addresses == [Multiaddr(two)], "naming none erases none")
    }
}
