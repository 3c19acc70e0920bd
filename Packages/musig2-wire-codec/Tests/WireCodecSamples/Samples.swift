import Multiformats
package import WireCodec

/// One valid value of each message, with every field set to something else than its default.
package enum Samples {
    /// `count` bytes that depend on `seed` and are all different for a while.
    package static func bytes(_ count: Int, _ seed: UInt8) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0) &* 7 &+ seed }
    }

    package static func key(_ seed: UInt8) -> [UInt8] { [0x02] + bytes(32, seed) }

    package static let sessionID = bytes(32, 1)
    package static let peerID: [UInt8] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] + bytes(32, 2)
    package static let address: [UInt8] = [0x04, 0x7f, 0x00, 0x00, 0x01, 0x06, 0x0f, 0xa1]

    package static let descriptor: Descriptor = {
        var descriptor = Descriptor(
            signerKeys: [key(10), key(20), key(30)], messages: [bytes(32, 40), [], bytes(5, 41)],
            createdMilliseconds: 1_795_000_000_000, expiresMilliseconds: 1_795_000_360_000, random: bytes(32, 50))
        descriptor.isSorted = true
        descriptor.messageKeys = [key(60), key(70), key(80)]
        descriptor.tweaks = [
            Descriptor.Tweak(bytes(32, 90), isXOnly: true), Descriptor.Tweak(bytes(32, 91), isXOnly: false),
        ]
        descriptor.creator = 2
        descriptor.election = .lexicographic
        descriptor.hasCommitmentRound = true
        descriptor.commitTimeoutMilliseconds = 60_000
        descriptor.metadata = [Descriptor.Metadata("amount", "1 ₿"), Descriptor.Metadata("purpose", "")]
        return descriptor
    }()

    package static let taprootDescriptor: Descriptor = {
        var descriptor = Descriptor(
            signerKeys: [key(10), key(20)], messages: [bytes(32, 40)], createdMilliseconds: 1_795_000_000_000,
            expiresMilliseconds: 1_795_000_360_000, random: bytes(32, 51))
        descriptor.scheme = .lotus
        descriptor.isSorted = true
        descriptor.topology = .star
        descriptor.taproot = Descriptor.Taproot(merkleRoot: bytes(32, 52))
        return descriptor
    }()

    package static let announcement = Announcement(
        descriptor: descriptor, peerID: peerID, addresses: [address, address + [0xdd, 0x03]],
        sequence: 1_795_000_000_001, ways: 0x8000_0005)
    package static let signedAnnouncement = SignedAnnouncement(announcement) { _ in bytes(64, 3) }

    package static let join = Join(peerID: peerID, addresses: [address])
    package static let nonceCommit = NonceCommit(leaf: bytes(32, 4))
    package static let nonceCommitsComplete = NonceCommitsComplete(transcript: bytes(32, 5))
    package static let nonceShare = NonceShare(nonces: [bytes(66, 6), bytes(66, 7)])
    package static let noncesComplete = NoncesComplete(
        leaves: [bytes(32, 8), bytes(32, 9)], aggregateNonces: [bytes(66, 11), bytes(66, 12)])
    package static let partialSigShare = PartialSigShare(
        context: bytes(32, 13), partials: [bytes(32, 14), bytes(32, 15)])
    package static let restart = Restart(
        reason: .timeout, notHeard: [0, 2, 300], contextDiffers: [1, 5], newRuns: [0])
    package static let broadcastDone = BroadcastDone(transactionID: bytes(32, 16))

    package static func signed(_ payload: Payload, attempt: UInt32 = 3, index: UInt32 = 1) -> SignedMessage {
        SignedMessage(
            MessageBody(
                sessionID: sessionID, attempt: payload.type.belongsToAttempt ? attempt : 0, index: index,
                run: 1_795_000_000_002, payload: payload)
        ) { _ in bytes(64, 17) }
    }

    package static let evidence = Evidence(
        kind: .invalidPartial, culprit: 1,
        signedMessages: [signed(.nonceShare(nonceShare)), signed(.partialSigShare(partialSigShare))],
        leaves: [bytes(32, 8), bytes(32, 9)], aggregateNonces: [bytes(66, 11)], descriptor: bytes(40, 18))
    package static let abort = Abort(
        reason: .invalidContribution, stage: .afterPartial, text: "signer 1 is faulty", evidence: evidence)
    package static let decline = Decline(reason: "not on a Sunday")

    package static let payloads: [Payload] = [
        .join(join), .nonceCommit(nonceCommit), .nonceCommitsComplete(nonceCommitsComplete), .nonceShare(nonceShare),
        .noncesComplete(noncesComplete), .partialSigShare(partialSigShare), .restart(restart), .abort(abort),
        .evidence(evidence), .broadcastDone(broadcastDone), .decline(decline),
    ]

    package static let signatureFinalized = SignatureFinalized(
        sessionID: sessionID, signatures: [bytes(64, 19), bytes(64, 20)])
    package static let sync = Sync(
        sessionID: sessionID, attempt: 2, index: 1, run: 1_795_000_000_003, isFinal: true,
        wanted: [
            Sync.Wanted(.join, indices: [0, 1, 999]), Sync.Wanted(.nonceShare, indices: [2]),
            Sync.Wanted(.signatureFinalized),
        ],
        leaves: [bytes(32, 21), bytes(32, 22)])
    package static let errorReply = ErrorReply(sessionID: sessionID, code: 7, text: "too many sessions")
    package static let hello = Hello(dhtKey: [0x12, 0x20] + bytes(32, 23), a: bytes(32, 24))
    package static let helloProof = HelloProof(a: bytes(32, 24), b: bytes(32, 25), proof: bytes(32, 26))
    package static let helloJoiner = HelloJoiner(a: bytes(32, 24), messageKey: key(27), signature: bytes(64, 28))
    package static let helloAnnouncements = HelloAnnouncements(
        a: bytes(32, 24), announcements: [signedAnnouncement], isOver: true)

    package static let frame = Frame(
        payloads.map { .signedMessage(signed($0)) } + [
            .signatureFinalized(signatureFinalized), .sync(sync), .error(errorReply), .hello(hello),
            .helloProof(helloProof), .helloJoiner(helloJoiner), .helloAnnouncements(helloAnnouncements),
            .announcement(signedAnnouncement),
        ])

    package static let invitationPeer = "12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT"

    /// The text of an invitation with two addresses.
    package static func invitation() throws -> Invitation {
        try Invitation(
            sessionID: sessionID,
            addresses: [
                Multiaddr("/ip4/127.0.0.1/tcp/4001/p2p/\(invitationPeer)"),
                Multiaddr("/dns4/example.org/tcp/443/wss/p2p/\(invitationPeer)"),
            ])
    }

    package static let noisePayload = NoisePayload(
        identityKey: [0x08, 0x01, 0x12, 0x20] + bytes(32, 2), identitySignature: bytes(64, 29),
        streamMuxers: ["/yamux/1.0.0", "/mplex/6.7.0"])
    package static let peerRecord = PeerRecord(
        peerID: peerID, sequence: 9, addresses: [address, address + [0xdd, 0x03]])
    package static let signedEnvelope = SignedEnvelope(
        publicKey: [0x08, 0x01, 0x12, 0x20] + bytes(32, 2), payloadType: PeerRecord.payloadType,
        payload: peerRecord.encoded(), signature: bytes(64, 30))
    package static let identify = Identify(
        publicKey: [0x08, 0x01, 0x12, 0x20] + bytes(32, 2), listenAddresses: [address],
        protocols: ["/ipfs/ping/1.0.0", "/musig2-p2p/1.0.0"], observedAddress: address, protocolVersion: "ipfs/0.1.0",
        agentVersion: "musig2", signedPeerRecord: signedEnvelope.encoded())
    package static let kademlia = KademliaMessage(
        kind: .getProviders, key: bytes(34, 31),
        record: KademliaMessage.Record(key: bytes(5, 32), value: bytes(6, 33), timeReceived: "2026-11-21T00:00:00Z"),
        closerPeers: [KademliaMessage.Peer(id: peerID, addresses: [address], connection: 1)],
        providerPeers: [KademliaMessage.Peer(id: peerID, addresses: [], connection: 0)])
}
