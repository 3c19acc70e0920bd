import Testing
import WireCodec
import WireCodecSamples

/// Each limit holds where it should: one below passes, one above is refused by name.
@Suite("Limits")
struct LimitTests {
    private func expectLimit<Message: WireMessage>(
        _ error: WireError, _ make: (Int) -> Message, at limit: Int, _ limits: WireLimits = .standard
    ) throws {
        let largest = make(limit)
        #expect(try Message(decoding: try largest.validatedEncoding(limits), limits: limits) == largest)
        let over = make(limit + 1)
        #expect(throws: error) { try over.validatedEncoding(limits) }
        #expect(throws: error) { try Message(decoding: over.encoded(), limits: limits) }
    }

    @Test func addresses() throws {
        try expectLimit(
            WireError("Join", "addresses", .tooMany(limit: 8)),
            { count in
                Join(peerID: Samples.peerID, addresses: (0..<count).map { _ in Samples.address })
            }, at: 8)
        try expectLimit(
            WireError("Join", "addresses", .tooLong(limit: 128, found: 129)),
            { count in
                Join(peerID: Samples.peerID, addresses: [Samples.bytes(count, 1)])
            }, at: 128)
        try expectLimit(
            WireError("Join", "peer_id", .tooLong(limit: 64, found: 65)),
            { count in
                Join(peerID: Samples.bytes(count, 1))
            }, at: 64)
        #expect(throws: WireError("Join", "addresses", .wrongLength(expected: 1, found: 0))) {
            try Join(decoding: Join(peerID: Samples.peerID, addresses: [[]]).encoded())
        }
    }

    @Test func contributions() throws {
        try expectLimit(
            WireError("NonceShare", "nonces", .tooMany(limit: 8_192)),
            { count in
                NonceShare(nonces: [[UInt8]](repeating: Samples.bytes(66, 1), count: count))
            }, at: 8_192)
        try expectLimit(
            WireError("PartialSigShare", "partials", .tooMany(limit: 8_192)),
            { count in
                PartialSigShare(
                    context: Samples.bytes(32, 1), partials: [[UInt8]](repeating: Samples.bytes(32, 1), count: count))
            }, at: 8_192)
        try expectLimit(
            WireError("NoncesComplete", "leaves", .tooMany(limit: 1_000)),
            { count in
                NoncesComplete(
                    leaves: [[UInt8]](repeating: Samples.bytes(32, 1), count: count),
                    aggregateNonces: [Samples.bytes(66, 1)])
            }, at: 1_000)
        try expectLimit(
            WireError("NoncesComplete", "aggregate_nonces", .tooMany(limit: 8_192)),
            { count in
                NoncesComplete(
                    leaves: [Samples.bytes(32, 1)],
                    aggregateNonces: [[UInt8]](repeating: Samples.bytes(66, 1), count: count))
            }, at: 8_192)
        try expectLimit(
            WireError("SignatureFinalized", "signatures", .tooMany(limit: 8_192)),
            { count in
                SignatureFinalized(
                    sessionID: Samples.sessionID, signatures: [[UInt8]](repeating: Samples.bytes(64, 1), count: count))
            }, at: 8_192)
    }

    @Test func wants() throws {
        try expectLimit(
            WireError("Wanted", "indices", .outOfRange(1_000)),
            { count in
                Sync.Wanted(.join, indices: [UInt32(count)])
            }, at: 999)
        var limits = WireLimits.standard
        limits.signers = 4
        try expectLimit(
            WireError("Restart", "not_heard", .tooMany(limit: 4)),
            { count in
                Restart(reason: .timeout, notHeard: (0..<UInt32(count)).map { $0 })
            }, at: 4, limits)
        try expectLimit(
            WireError("Restart", "context_differs", .tooMany(limit: 4)),
            { count in
                Restart(reason: .timeout, contextDiffers: (0..<UInt32(count)).map { $0 })
            }, at: 4, limits)
        try expectLimit(
            WireError("Restart", "new_runs", .tooMany(limit: 4)),
            { count in
                Restart(reason: .timeout, newRuns: (0..<UInt32(count)).map { $0 })
            }, at: 4, limits)
        try expectLimit(
            WireError("Sync", "leaves", .tooMany(limit: 4)),
            { count in
                Sync(
                    sessionID: Samples.sessionID, attempt: 1, index: 0, run: 1,
                    leaves: [[UInt8]](repeating: Samples.bytes(32, 1), count: count))
            }, at: 4, limits)
        try expectLimit(
            WireError("Evidence", "signed_messages", .tooMany(limit: 14)),
            { count in
                Evidence(
                    kind: .wrongAggregate, culprit: 0,
                    signedMessages: [SignedMessage](
                        repeating: Samples.signed(.nonceCommit(Samples.nonceCommit)), count: count))
            }, at: 14, limits)
    }

    @Test func texts() throws {
        try expectLimit(
            WireError("Abort", "text", .tooLong(limit: 512, found: 513)),
            { count in
                Abort(reason: .requested, stage: .beforePartial, text: String(repeating: "x", count: count))
            }, at: 512)
        try expectLimit(
            WireError("Decline", "reason", .tooLong(limit: 512, found: 513)),
            { count in Decline(reason: String(repeating: "x", count: count)) }, at: 512)
        try expectLimit(
            WireError("ErrorReply", "text", .tooLong(limit: 512, found: 513)),
            { count in
                ErrorReply(sessionID: Samples.sessionID, code: 1, text: String(repeating: "x", count: count))
            }, at: 512)
    }

    @Test func announcements() throws {
        try expectLimit(
            WireError("HelloAnnouncements", "announcements", .tooMany(limit: 256)),
            { count in
                HelloAnnouncements(
                    a: Samples.bytes(32, 1),
                    announcements: [SignedAnnouncement](repeating: Samples.signedAnnouncement, count: count))
            }, at: 256)
    }

    @Test func frames() throws {
        let item = FrameItem.error(ErrorReply(sessionID: Samples.sessionID, code: 1))
        let most = Frame([FrameItem](repeating: item, count: 4_096))
        #expect(try Frame(decoding: most.encoded()).items.count == 4_096)
        #expect(item.encodedLength * 4_096 == most.encoded().count)
        #expect(throws: WireError("Frame", "items", .tooMany(limit: 4_096))) {
            try Frame(decoding: Frame([FrameItem](repeating: item, count: 4_097)).encoded())
        }
        #expect(throws: WireError("Frame", .tooLong(limit: 1_048_576, found: 1_048_577))) {
            try Frame(decoding: [UInt8](repeating: 0, count: 1_048_577))
        }
    }

    /// What several items inflate to counts together.
    @Test func inflationIsBoundedPerFrame() throws {
        var descriptor = Samples.descriptor
        descriptor.messages = [[UInt8](repeating: 1, count: 180_000)]
        let announcement = Announcement(descriptor: descriptor, peerID: Samples.peerID, addresses: [], sequence: 1)
        let large = SignedAnnouncement(announcement) { _ in Samples.bytes(64, 3) }
        let five = Frame([FrameItem](repeating: .announcement(large), count: 5))
        #expect(try Frame(decoding: five.encoded()).inflated() == five)
        let left = (1 << 20) - 5 * large.encoded().count
        #expect(throws: WireError("Item", "announcement_deflated", .deflated(.tooLong(limit: left)))) {
            try Frame(decoding: Frame([FrameItem](repeating: .announcement(large), count: 6)).encoded()).inflated()
        }
    }

    /// R1, R9: decoding a frame reads of what is deflated the head only: a bomb costs nothing until somebody wants what is in it, and
    /// then no more than that may cost.
    @Test func nothingIsInflatedUnasked() throws {
        func frame(_ field: UInt32, _ deflated: [UInt8]) -> [UInt8] {
            var writer = ProtobufWriter()
            writer.message(1) { $0.requiredBytes(field, deflated) }
            return writer.bytes
        }
        let bomb = try Zlib.deflate([UInt8](repeating: 0, count: 10 << 20), level: 9)
        for (field, content, name) in [
            (10, .announcement, "announcement_deflated"), (11, .helloAnnouncements, "hello_announcements_deflated"),
        ] as [(UInt32, DeflatedItem.Content, String)] {
            let bytes = frame(field, bomb)
            let decoded = try Frame(decoding: bytes)
            guard case .deflated(let item)? = decoded.items.first else {
                Issue.record("expected a deflated item, found \(decoded)")
                return
            }
            #expect(item.content == content)
            #expect(item.bytes == bomb)
            #expect(decoded.encoded() == bytes)
            for limit in [Int.min, 0, 1, 1_000, 1 << 20] {
                #expect(throws: WireError("Item", name, .deflated(.tooLong(limit: max(limit, 0))))) {
                    try item.inflated(upTo: limit)
                }
            }
            #expect(throws: WireError("Item", name, .deflated(.tooLong(limit: 1 << 20)))) {
                try item.inflated(upTo: .max)
            }
            // What cannot be a zlib stream is refused with the frame.
            #expect(throws: WireError("Item", name, .defaultOnWire)) { try Frame(decoding: frame(field, [])) }
            #expect(throws: WireError("Item", name, .deflated(.truncated))) {
                try Frame(decoding: frame(field, [0x78, 0x9C, 1, 2, 3, 4, 5]))
            }
            for head in [[0x78, 0x9D], [0x79, 0x9B], [0, 0]] as [[UInt8]] {
                #expect(throws: WireError("Item", name, .deflated(.corrupt))) {
                    try Frame(decoding: frame(field, head + [UInt8](repeating: 1, count: 8)))
                }
            }
            let broken = try Frame(decoding: frame(field, [0x78, 0x9C] + [UInt8](repeating: 0xFF, count: 8)))
            #expect(throws: WireError("Item", name, .deflated(.corrupt))) { try broken.inflated() }
        }
    }

    /// What a deflated item holds is decoded as strictly as what came plain.
    @Test func whatIsInflatedIsDecodedStrictly() throws {
        func item(_ content: DeflatedItem.Content, _ bytes: [UInt8]) throws -> DeflatedItem {
            var writer = ProtobufWriter()
            let deflated = try Zlib.deflate(bytes)
            writer.message(1) { $0.requiredBytes(content.rawValue, deflated) }
            guard case .deflated(let item)? = try Frame(decoding: writer.bytes).items.first else {
                throw WireError("Frame", .missing)
            }
            return item
        }
        let announcement = Samples.signedAnnouncement.encoded()
        let whole = try item(.announcement, announcement).inflated(upTo: announcement.count)
        #expect(whole.item == .announcement(Samples.signedAnnouncement))
        #expect(whole.inflatedBytes == announcement.count)
        #expect(throws: WireError.self) { try item(.announcement, announcement + [0x18, 1]).inflated(upTo: 1 << 20) }
        #expect(throws: WireError.self) { try item(.helloAnnouncements, announcement).inflated(upTo: 1 << 20) }
        let answer = Samples.helloAnnouncements.encoded()
        #expect(
            try item(.helloAnnouncements, answer).inflated(upTo: 1 << 20).item
                == .helloAnnouncements(Samples.helloAnnouncements))
    }

    @Test func libp2pMessages() throws {
        func answer(_ count: Int) -> KademliaMessage {
            let peer = KademliaMessage.Peer(id: [1], addresses: [])
            return KademliaMessage(kind: .findNode, closerPeers: [KademliaMessage.Peer](repeating: peer, count: count))
        }
        #expect(try KademliaMessage(decoding: answer(64).encoded()) == answer(64))
        // What is too many is skipped: others name all the providers that they know.
        #expect(try KademliaMessage(decoding: answer(65).encoded()) == answer(64))
        func reachable(_ count: Int) -> KademliaMessage {
            let peer = KademliaMessage.Peer(id: [1], addresses: [[UInt8]](repeating: [4], count: count))
            return KademliaMessage(kind: .getProviders, providerPeers: [peer, peer])
        }
        #expect(try KademliaMessage(decoding: reachable(64).encoded()) == reachable(64))
        #expect(try KademliaMessage(decoding: reachable(65).encoded()) == reachable(64))
        #expect(throws: WireError("NoiseHandshakePayload", .tooLong(limit: 4_096, found: 4_097))) {
            try NoisePayload(decoding: [UInt8](repeating: 0, count: 4_097))
        }
        #expect(throws: WireError("Identify", .tooLong(limit: 8_192, found: 8_193))) {
            try Identify(decoding: [UInt8](repeating: 0, count: 8_193))
        }
        #expect(throws: WireError("Message", .tooLong(limit: 65_536, found: 65_537))) {
            try KademliaMessage(decoding: [UInt8](repeating: 0, count: 65_537))
        }
        let value = [UInt8](repeating: 1, count: 4_000_000)
        let long = KademliaMessage(kind: .getValue, record: .init(key: [1], value: value))
        #expect(try KademliaMessage(decoding: long.encoded(), limits: .kademliaAnswers) == long)
        #expect(throws: WireError("Message", .tooLong(limit: 4_194_304, found: 4_194_305))) {
            try KademliaMessage(decoding: [UInt8](repeating: 0, count: 4_194_305), limits: .kademliaAnswers)
        }
    }
}
