import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

/// Frames as every libp2p implementation sends them.
enum MultistreamFigures {
    static let header = "132f6d756c746973747265616d2f312e302e300a"
    static let noise = "072f6e6f6973650a"
    static let yamux = "0d2f79616d75782f312e302e300a"
    static let notAvailable = "036e610a"
}

@Suite("multistream-select")
struct MultistreamTests {
    private typealias Figures = MultistreamFigures

    @Test("frames have the published bytes")
    func frames() {
        #expect(hex(MultistreamMessage.encode("/multistream/1.0.0")) == Figures.header)
        #expect(hex(MultistreamMessage.encode("/noise")) == Figures.noise)
        #expect(hex(MultistreamMessage.encode("/yamux/1.0.0")) == Figures.yamux)
        #expect(hex(MultistreamMessage.encode("na")) == Figures.notAvailable)
        let long = MultistreamMessage.encode(String(repeating: "x", count: 200))
        #expect(long.count == 203)
        #expect(Array(long.prefix(2)) == [0xc9, 0x01])
    }

    // MARK: Initiator

    private static func initiator(_ proposals: [String]) -> MultistreamInitiator {
        MultistreamInitiator(proposals: proposals, maximumLength: 1024)
    }

    private static func feed(
        _ machine: inout MultistreamInitiator, _ input: [UInt8]
    ) -> (actions: [MultistreamInitiator.Action], rest: [UInt8]) {
        var actions: [MultistreamInitiator.Action] = []
        var offset = 0
        while true {
            let action = input.withUnsafeBytes { machine.receive($0, at: &offset) }
            if action == .waitForMore { break }
            actions.append(action)
            switch action {
            case .agreed, .failed: return (actions, Array(input[offset...]))
            case .send, .waitForMore: continue
            }
        }
        return (actions, Array(input[offset...]))
    }

    @Test("the initiator sends header and first proposal at once")
    func startsAtOnce() {
        #expect(hex(Self.initiator(["/noise", "/tls/1.0.0"]).start()) == Figures.header + Figures.noise)
    }

    @Test("an echo agrees, and what follows it is left alone")
    func agrees() {
        var machine = Self.initiator(["/noise"])
        let (actions, rest) = Self.feed(&machine, bytes(Figures.header + Figures.noise + "0020ff"))
        #expect(actions == [.agreed("/noise")])
        #expect(rest == [0x00, 0x20, 0xff])
    }

    @Test("a refusal makes it propose the next, on the same channel")
    func proposesNext() {
        var machine = Self.initiator(["/tls/1.0.0", "/noise"])
        let (first, _) = Self.feed(&machine, bytes(Figures.header + Figures.notAvailable))
        #expect(first == [.send(bytes(Figures.noise))])
        let (second, _) = Self.feed(&machine, bytes(Figures.noise))
        #expect(second == [.agreed("/noise")])
    }

    @Test("refused throughout")
    func refused() {
        var machine = Self.initiator(["/a", "/b"])
        let (actions, _) = Self.feed(
            &machine, bytes(Figures.header + Figures.notAvailable + Figures.notAvailable))
        #expect(
            actions == [.send(MultistreamMessage.encode("/b")), .failed(.refused(proposed: ["/a", "/b"]))])
        #expect(MultistreamError.refused(proposed: ["/a", "/b"]).description == "the peer speaks none of: /a, /b")
    }

    @Test("no proposals at all")
    func nothingToPropose() {
        var machine = Self.initiator([])
        #expect(Self.feed(&machine, bytes(Figures.header)).actions == [.failed(.refused(proposed: []))])
    }

    @Test(
        "what an initiator does not take",
        arguments: [
            (Figures.noise, MultistreamError.unexpectedHeader(found: "?/noise?")),
            ("485454502f312e31203430300d0a", .unexpectedHeader(found: "HTTP/1.1 400??")),
            ("132f6d756c746973747265616d2f302e312e300a", .unexpectedHeader(found: "?/multistream/0.1.0?")),
            ("00", .unexpectedHeader(found: "?")),
            (
                Figures.header + Figures.yamux,
                .unexpectedAnswer(expected: "/noise", found: "/yamux/1.0.0")
            ),
            (Figures.header + "0248495a", .missingNewline),
            (Figures.header + "00", .missingNewline),
            (Figures.header + "ffff03", .lengthTooLarge(maximum: 1024)),
            (Figures.header + "8108", .lengthTooLarge(maximum: 1024)),
        ])
    func initiatorRefuses(_ input: String, _ error: MultistreamError) {
        var machine = Self.initiator(["/noise"])
        #expect(Self.feed(&machine, bytes(input)).actions == [.failed(error)])
    }

    @Test("after its end it takes nothing more")
    func overIsOver() {
        var machine = Self.initiator(["/noise"])
        _ = Self.feed(&machine, bytes(Figures.header + Figures.noise))
        let (actions, rest) = Self.feed(&machine, bytes(Figures.header))
        #expect(actions.isEmpty)
        #expect(rest == bytes(Figures.header))
    }

    @Test("one byte at a time is the same as all at once")
    func initiatorDrip() {
        var machine = Self.initiator(["/tls/1.0.0", "/noise"])
        var actions: [MultistreamInitiator.Action] = []
        for byte in bytes(Figures.header + Figures.notAvailable + Figures.noise) {
            let (more, rest) = Self.feed(&machine, [byte])
            actions += more
            #expect(rest.isEmpty)
        }
        #expect(actions == [.send(bytes(Figures.noise)), .agreed("/noise")])
    }

    // MARK: Listener

    private static func listener(_ proposals: Int = 64) -> MultistreamListener {
        MultistreamListener(maximumLength: 1024, maximumProposals: proposals)
    }

    private static func feed(
        _ machine: inout MultistreamListener, _ input: [UInt8]
    ) -> (actions: [MultistreamListener.Action], rest: [UInt8]) {
        var actions: [MultistreamListener.Action] = []
        var offset = 0
        while true {
            let action = input.withUnsafeBytes { machine.receive($0, at: &offset) { $0 == "/noise" } }
            if action == .waitForMore { break }
            actions.append(action)
            switch action {
            case .agreed, .failed: return (actions, Array(input[offset...]))
            case .send, .waitForMore: continue
            }
        }
        return (actions, Array(input[offset...]))
    }

    @Test("the listener sends its header at once")
    func listenerStarts() {
        #expect(hex(Self.listener().start()) == Figures.header)
    }

    @Test("header, proposal and first bytes of the protocol in one write")
    func pipelined() {
        var machine = Self.listener()
        let (actions, rest) = Self.feed(&machine, bytes(Figures.header + Figures.noise + "deadbeef"))
        #expect(actions == [.agreed("/noise", reply: bytes(Figures.noise))])
        #expect(rest == bytes("deadbeef"))
    }

    @Test("what is not spoken gets na: other protocols, ls, text that is no text")
    func notAvailable() {
        var machine = Self.listener()
        let proposals =
            MultistreamMessage.encode("/tls/1.0.0") + MultistreamMessage.encode("ls") + bytes("04fffe800a")
            + MultistreamMessage.encode("/libp2p/simultaneous-connect")
        let (actions, _) = Self.feed(&machine, bytes(Figures.header) + proposals)
        #expect(actions == Array(repeating: .send(bytes(Figures.notAvailable)), count: 4))
        let (last, _) = Self.feed(&machine, bytes(Figures.noise))
        #expect(last == [.agreed("/noise", reply: bytes(Figures.noise))])
    }

    @Test("proposals without end are cut off")
    func tooMany() {
        var machine = Self.listener(2)
        let proposals = (0..<3).flatMap { _ in MultistreamMessage.encode("/x") }
        let (actions, _) = Self.feed(&machine, bytes(Figures.header) + proposals)
        let refusal = MultistreamListener.Action.send(bytes(Figures.notAvailable))
        #expect(actions == [refusal, refusal, .failed(.tooManyProposals(maximum: 2))])
    }

    @Test("a proposal of 1,024 bytes is read, one more is not")
    func lengthLimit() {
        var machine = Self.listener()
        let longest = MultistreamMessage.encode(String(repeating: "y", count: 1023))
        let (actions, _) = Self.feed(&machine, bytes(Figures.header) + longest)
        #expect(actions == [.send(bytes(Figures.notAvailable))])
        let (more, _) = Self.feed(&machine, MultistreamMessage.encode(String(repeating: "y", count: 1024)))
        #expect(more == [.failed(.lengthTooLarge(maximum: 1024))])
    }

    @Test("a listener wants the header first")
    func listenerWantsHeader() {
        var machine = Self.listener()
        #expect(
            Self.feed(&machine, bytes(Figures.noise)).actions == [.failed(.unexpectedHeader(found: "?/noise?"))])
    }

    @Test("one byte at a time is the same as all at once")
    func listenerDrip() {
        var machine = Self.listener()
        var actions: [MultistreamListener.Action] = []
        for byte in bytes(Figures.header) + MultistreamMessage.encode("/tls/1.0.0") + bytes(Figures.noise) {
            let (more, rest) = Self.feed(&machine, [byte])
            actions += more
            #expect(rest.isEmpty)
        }
        #expect(
            actions == [.send(bytes(Figures.notAvailable)), .agreed("/noise", reply: bytes(Figures.noise))])
    }

    @Test("found text is fit to be shown")
    func printable() {
        #expect(MultistreamError.printable([0x41, 0x1b, 0x00, 0xff]) == "A???")
        #expect(MultistreamError.printable(Array(repeating: 0x61, count: 500)).count == 48)
    }
}
