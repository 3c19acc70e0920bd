import Multiformats
import Testing
import WireCodec
import WireCodecSamples

@Suite("Messages")
struct MessageTests {
    /// Bytes written down by hand from the `.proto` file.
    @Test func knownBytes() {
        let id = String(repeating: "07", count: 32)
        let session = [UInt8](repeating: 7, count: 32)
        #expect(
            Hex.encode(
                Sync(
                    sessionID: session, attempt: 1, index: 4, run: 300, isFinal: true,
                    wanted: [Sync.Wanted(.join, indices: [0, 200]), Sync.Wanted(.signatureFinalized)]
                ).encoded()) == "0a20\(id)" + "1001" + "1804" + "20ac02" + "2801" + "3207" + "0801120300c801"
                + "3202080b")
        let body = MessageBody(
            sessionID: session, attempt: 2, index: 0, run: 5,
            payload: .nonceCommit(NonceCommit(leaf: [UInt8](repeating: 9, count: 32))))
        let bodyHex = "0a20\(id)" + "1002" + "2005" + "2802" + "3222" + "0a20" + String(repeating: "09", count: 32)
        #expect(Hex.encode(body.encoded()) == bodyHex)
        let signed = SignedMessage(body) { _ in [UInt8](repeating: 3, count: 64) }
        let signedHex = "0a4c" + bodyHex + "1240" + String(repeating: "03", count: 64)
        #expect(Hex.encode(signed.encoded()) == signedHex)
        #expect(Hex.encode(Frame([.signedMessage(signed)]).encoded()) == "0a93010a9001" + signedHex)
        #expect(
            Hex.encode(Restart(reason: .timeout, notHeard: [1, 2]).encoded()) == "080112020102")
        #expect(
            Hex.encode(Restart(reason: .failedAttempt, contextDiffers: [1], newRuns: [0, 2]).encoded())
                == "08021a010122020002")
        #expect(
            Hex.encode(Abort(reason: .requested, stage: .beforePartial, text: "no").encoded()) == "080110011a026e6f")
        #expect(Hex.encode(Decline(reason: "no").encoded()) == "0a026e6f")
        #expect(Decline().encoded() == [])
        let decline = MessageBody(sessionID: session, attempt: 0, index: 0, run: 5, payload: .decline(Decline()))
        #expect(Hex.encode(decline.encoded()) == "0a20\(id)" + "2005" + "280d")
    }

    @Test func samplesDecodeToEqualValues() throws {
        #expect(try Descriptor(decoding: Samples.descriptor.encoded()) == Samples.descriptor)
        #expect(try Descriptor(decoding: Samples.taprootDescriptor.encoded()) == Samples.taprootDescriptor)
        #expect(try SignedAnnouncement(decoding: Samples.signedAnnouncement.encoded()) == Samples.signedAnnouncement)
        for payload in Samples.payloads {
            #expect(try Payload(decoding: payload.encoded(), type: payload.type) == payload)
            let message = Samples.signed(payload)
            let decoded = try SignedMessage(decoding: message.encoded())
            #expect(decoded == message)
            #expect(decoded.bodyBytes == message.body.encoded())
            #expect(try Payload(decoding: decoded.body.payload, type: decoded.body.type) == payload)
            #expect(try SignedMessage(bodyBytes: message.bodyBytes, signature: message.signature) == message)
            #expect(
                SignedMessage(body: message.body, bodyBytes: message.bodyBytes, signature: message.signature) == message
            )
        }
        #expect(try Frame(decoding: Samples.frame.encoded()) == Samples.frame)
        #expect(try Sync(decoding: Samples.sync.encoded()) == Samples.sync)
        #expect(try HelloAnnouncements(decoding: Samples.helloAnnouncements.encoded()) == Samples.helloAnnouncements)
    }

    @Test func whatIsSignedIsWhatWasReceived() throws {
        var seen: [[UInt8]] = []
        let body = Samples.signed(.join(Samples.join)).body
        let message = SignedMessage(body) { bytes in
            seen.append(bytes)
            return Samples.bytes(64, 1)
        }
        #expect(seen == [body.encoded()])
        #expect(message.bodyBytes == body.encoded())
        struct Refused: Error {}
        #expect(throws: Refused.self) {
            try SignedMessage(body) { _ throws(Refused) -> [UInt8] in throw Refused() }
        }
    }

    @Test(arguments: [
        (MessageType.join, 0 as UInt32, nil as WireError.Reason?), (.join, 1, .outOfRange(1)),
        (.abort, 2, .outOfRange(2)),
        (.evidence, 1, .outOfRange(1)), (.broadcastDone, 1, .outOfRange(1)),
        (.decline, 1, .outOfRange(1)), (.nonceShare, 0, .missing),
        (.nonceShare, 1, nil), (.nonceShare, .max, nil), (.restart, 0, .missing), (.restart, .max, nil),
    ])
    func attemptsGoWithTypes(type: MessageType, attempt: UInt32, reason: WireError.Reason?) throws {
        var body = Samples.signed(.join(Samples.join)).body
        body.type = type
        body.attempt = attempt
        if let reason {
            #expect(throws: WireError("Body", "attempt", reason)) { try MessageBody(decoding: body.encoded()) }
        } else {
            #expect(try MessageBody(decoding: body.encoded()) == body)
        }
    }

    @Test func bodiesOutOfRange() {
        let good = Samples.signed(.join(Samples.join)).body
        func refused(_ field: String, _ reason: WireError.Reason, _ change: (inout MessageBody) -> Void) {
            var body = good
            change(&body)
            #expect(throws: WireError("Body", field, reason)) { try MessageBody(decoding: body.encoded()) }
        }
        refused("session_id", .missing) { $0.sessionID = [] }
        refused("session_id", .wrongLength(expected: 32, found: 31)) { $0.sessionID.removeLast() }
        refused("index", .outOfRange(1_000)) { $0.index = 1_000 }
        refused("run", .missing) { $0.run = 0 }
        refused("run", .outOfRange(1 << 63)) { $0.run = 1 << 63 }
        refused("type", .outOfRange(11)) { $0.type = .signatureFinalized }
        #expect(throws: WireError("Body", "type", .outOfRange(12))) { try MessageBody(decoding: [0x28, 12]) }
        #expect(throws: WireError("Body", "type", .missing)) { try MessageBody(decoding: []) }
        #expect(throws: WireError("Body", "type", .outOfRange(11))) {
            try Payload(decoding: [], type: .signatureFinalized)
        }
    }

    @Test func emptyMessagesLackTheirFirstField() {
        #expect(throws: WireError("SignedMessage", "body", .missing)) { try SignedMessage(decoding: []) }
        #expect(throws: WireError("Descriptor", "scheme", .missing)) { try Descriptor(decoding: []) }
        #expect(throws: WireError("Announcement", "descriptor", .missing)) { try Announcement(decoding: []) }
        #expect(throws: WireError("SignedAnnouncement", "announcement", .missing)) {
            try SignedAnnouncement(decoding: [])
        }
        #expect(throws: WireError("Join", "peer_id", .missing)) { try Join(decoding: []) }
        #expect(throws: WireError("NonceCommit", "leaf", .missing)) { try NonceCommit(decoding: []) }
        #expect(throws: WireError("NonceCommitsComplete", "transcript", .missing)) {
            try NonceCommitsComplete(decoding: [])
        }
        #expect(throws: WireError("NonceShare", "nonces", .missing)) { try NonceShare(decoding: []) }
        #expect(throws: WireError("NoncesComplete", "leaves", .missing)) { try NoncesComplete(decoding: []) }
        #expect(throws: WireError("PartialSigShare", "context", .missing)) { try PartialSigShare(decoding: []) }
        #expect(throws: WireError("Restart", "reason", .missing)) { try Restart(decoding: []) }
        #expect(throws: WireError("Abort", "stage", .missing)) { try Abort(decoding: []) }
        #expect(throws: WireError("Evidence", "kind", .missing)) { try Evidence(decoding: []) }
        #expect(throws: WireError("BroadcastDone", "txid", .missing)) { try BroadcastDone(decoding: []) }
        #expect(throws: WireError("SignatureFinalized", "session_id", .missing)) {
            try SignatureFinalized(decoding: [])
        }
        #expect(throws: WireError("Sync", "session_id", .missing)) { try Sync(decoding: []) }
        #expect(throws: WireError("Wanted", "type", .missing)) { try Sync.Wanted(decoding: []) }
        #expect(throws: WireError("ErrorReply", "session_id", .missing)) { try ErrorReply(decoding: []) }
        #expect(throws: WireError("Hello", "dht_key", .missing)) { try Hello(decoding: []) }
        #expect(throws: WireError("HelloProof", "a", .missing)) { try HelloProof(decoding: []) }
        #expect(throws: WireError("HelloJoiner", "a", .missing)) { try HelloJoiner(decoding: []) }
        #expect(throws: WireError("HelloAnnouncements", "a", .missing)) { try HelloAnnouncements(decoding: []) }
        #expect(throws: WireError("Frame", "items", .missing)) { try Frame(decoding: []) }
        #expect(throws: WireError("Item", "", .missing)) { try Frame(decoding: [0x0a, 0x00]) }
    }

    @Test func listsOutOfOrder() {
        func refused(_ message: some WireMessage, _ error: WireError) {
            #expect(throws: error) { try type(of: message).init(decoding: message.encoded()) }
            #expect(throws: error) { try message.validatedEncoding() }
        }
        refused(Restart(reason: .timeout, notHeard: [2, 1]), WireError("Restart", "not_heard", .notAscending))
        refused(Restart(reason: .timeout, notHeard: [1, 1]), WireError("Restart", "not_heard", .notAscending))
        refused(Restart(reason: .timeout, notHeard: [1_000]), WireError("Restart", "not_heard", .outOfRange(1_000)))
        refused(
            Restart(reason: .failedAttempt, contextDiffers: [2, 1]),
            WireError("Restart", "context_differs", .notAscending))
        refused(
            Restart(reason: .failedAttempt, contextDiffers: [1_000]),
            WireError("Restart", "context_differs", .outOfRange(1_000)))
        refused(Restart(reason: .newRun, newRuns: [1, 1]), WireError("Restart", "new_runs", .notAscending))
        refused(Restart(reason: .newRun, newRuns: [1_000]), WireError("Restart", "new_runs", .outOfRange(1_000)))
        refused(Sync.Wanted(.join), WireError("Wanted", "indices", .missing))
        refused(Sync.Wanted(.join, indices: [3, 1]), WireError("Wanted", "indices", .notAscending))
        refused(
            Sync.Wanted(.signatureFinalized, indices: [1]),
            WireError("Wanted", "indices", .conflict("the final signatures have no index")))
        func sync(_ wanted: [Sync.Wanted]) -> Sync {
            Sync(sessionID: Samples.sessionID, attempt: 1, index: 0, run: 1, wanted: wanted)
        }
        refused(
            sync([Sync.Wanted(.nonceShare, indices: [1]), Sync.Wanted(.join, indices: [1])]),
            WireError("Sync", "wanted", .notAscending))
        refused(
            sync([Sync.Wanted(.join, indices: [1]), Sync.Wanted(.join, indices: [2])]),
            WireError("Sync", "wanted", .notAscending))
        var early = sync([])
        early.attempt = 0
        refused(early, WireError("Sync", "attempt", .missing))
        // How far attempts may rise is a matter of time, not of form.
        var late = sync([])
        late.attempt = .max
        #expect(throws: Never.self) { try Sync(decoding: late.encoded()) }
        var beyond = sync([])
        beyond.index = 1_000
        refused(beyond, WireError("Sync", "index", .outOfRange(1_000)))
        refused(
            HelloAnnouncements(a: Samples.bytes(32, 1), announcements: []),
            WireError("HelloAnnouncements", "announcements", .missing))
        refused(
            Hello(dhtKey: Samples.bytes(34, 1), a: Samples.bytes(32, 1)),
            WireError("Hello", "dht_key", .conflict("expected a SHA2-256 multihash, 12 20 …")))
        refused(ErrorReply(sessionID: Samples.sessionID, code: 0), WireError("ErrorReply", "code", .missing))
    }

    @Test func unknownReasonsPassAndUnknownKindsDoNot() throws {
        let restart = Restart(reason: RestartReason(rawValue: 99))
        #expect(try Restart(decoding: restart.encoded()).reason.rawValue == 99)
        let abort = Abort(reason: AbortReason(rawValue: 77), stage: .beforePartial)
        #expect(try Abort(decoding: abort.encoded()) == abort)
        #expect("\(abort.reason) \(AbortReason.requested) \(AbortReason.closed)" == "reason 77 requested closed")
        #expect("\(restart.reason) \(RestartReason.newRun)" == "reason 99 newRun")
        let abortNames = (UInt32(1)...8).map { "\(AbortReason(rawValue: $0))" }
        let restartNames = (UInt32(1)...6).map { "\(RestartReason(rawValue: $0))" }
        #expect(AbortReason.allCases.map(\.rawValue) == Array(1...8))
        #expect(RestartReason.allCases.map(\.rawValue) == Array(1...6))
        #expect(!(abortNames + restartNames).contains { $0.hasPrefix("reason") }, "all that are defined have a name")
        #expect(throws: WireError("Abort", "stage", .outOfRange(3))) { try Abort(decoding: [0x08, 1, 0x10, 3]) }
        #expect(throws: WireError("Decline", "", .unknownField(2))) { try Decline(decoding: [0x10, 1]) }
        #expect(throws: WireError("Decline", "reason", .invalidText)) { try Decline(decoding: [0x0a, 1, 0xff]) }
        #expect(throws: WireError("Evidence", "kind", .outOfRange(5))) { try Evidence(decoding: [0x08, 5]) }
        #expect(throws: WireError("Item", "", .unknownField(12))) { try Frame(decoding: [0x0a, 2, 0x60, 1]) }
        #expect(throws: WireError("Frame", "", .unknownField(2))) { try Frame(decoding: [0x10, 1]) }
    }

    @Test func anItemHoldsOneThing() {
        let hello = Samples.hello.encoded()
        var writer = ProtobufWriter()
        writer.message(1) {
            $0.bytes(5, hello)
            $0.bytes(6, Samples.helloProof.encoded())
        }
        #expect(throws: WireError("Item", "", .conflict("expected one field, found more"))) {
            try Frame(decoding: writer.bytes)
        }
    }

    @Test func announcementsAreDeflatedWhenSmaller() throws {
        var descriptor = Samples.descriptor
        descriptor.messages = [[UInt8](repeating: 1, count: 10_000)]
        let announcement = Announcement(descriptor: descriptor, peerID: Samples.peerID, addresses: [], sequence: 1)
        let large = SignedAnnouncement(announcement) { _ in Samples.bytes(64, 3) }
        let frame = Frame([.announcement(large)])
        #expect(frame.encoded().count < 1_000)
        #expect(try Frame(decoding: frame.encoded()).inflated() == frame)
        let hello = Frame([.helloAnnouncements(HelloAnnouncements(a: Samples.bytes(32, 1), announcements: [large]))])
        #expect(hello.encoded().count < 1_000)
        #expect(try Frame(decoding: hello.encoded()).inflated() == hello)
        var plain = ProtobufWriter()
        plain.message(1) { $0.message(9, large) }
        #expect(try Frame(decoding: plain.bytes) == frame)
    }
}
