import FlowKit
import PeerNode
import PeerTransport
import Synchronization
import Testing

extension Interop {
    /// Streams with py-libp2p: independent of which one dialled, each side opens them and is opened to.
    @Suite
    struct StreamTests {
        @Test(arguments: [1, 65_519, 65_520, 300_000, 1_000_000], Setting.all)
        func echo(of count: Int, _ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                let stream = try await pair.ours.open(PythonNode.echoProtocol, to: pair.theirs.id)
                let sent = randomBytes(count)
                let found = try await bounded("an echo of \(count) bytes") {
                    async let back = stream.readToEnd()
                    try await stream.write(sent)
                    try await stream.closeWrite()
                    return try await back
                }
                #expect(found == sent)
                #expect(try await pair.theirs.call("echo", pair.ours.id, ["count": count]).number("count") == count)
            }
        }

        @Test(arguments: Setting.all)
        func halfClose(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                for opener in Opener.allCases {
                    let (ours, theirs) = try await pair.stream(openedBy: opener)
                    // We close first, and still hear what they say.
                    try await ours.write([1, 2, 3])
                    try await ours.closeWrite()
                    let heard = try await theirs.read(4)
                    #expect(heard.bytes == PythonStream.Bytes([1, 2, 3]))
                    #expect(heard.end == .closed)
                    let answer = try await theirs.write(100_000)
                    try await theirs.closeWrite()
                    #expect(PythonStream.Bytes(try await ours.readToEnd()) == answer)
                }
                for opener in Opener.allCases {
                    let (ours, theirs) = try await pair.stream(openedBy: opener)
                    // They close first, and still hear what we say.
                    try await theirs.closeWrite()
                    #expect(try await ours.read(upTo: 1) == nil)
                    let answer = randomBytes(100_000)
                    try await ours.write(answer)
                    try await ours.closeWrite()
                    let heard = try await theirs.read(100_001)
                    #expect(heard.bytes == PythonStream.Bytes(answer))
                    #expect(heard.end == .closed)
                }
            }
        }

        @Test(arguments: Setting.all)
        func reset(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                for opener in Opener.allCases {
                    let (ours, theirs) = try await pair.stream(openedBy: opener)
                    ours.reset()
                    #expect(try await theirs.read(1).end == .reset)
                }
                for opener in Opener.allCases {
                    let (ours, theirs) = try await pair.stream(openedBy: opener)
                    try await theirs.reset()
                    await #expect(throws: TransportError(.streamReset, "")) { _ = try await ours.read(upTo: 1) }
                }
                // Nothing else on the connection noticed.
                #expect(try await pair.theirs.call("echo", pair.ours.id, ["count": 10]).number("count") == 10)
            }
        }

        /// Nobody knows how much it takes: py-libp2p's window grows up to 16 MiB while the protocol is agreed on.
        @Test(arguments: Setting.all)
        func theirWindowStopsUs(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                for opener in Opener.allCases {
                    let (ours, theirs) = try await pair.stream(openedBy: opener)
                    let isEnough = Atomic<Bool>(false)
                    async let written = Self.write(to: ours) { isEnough.load(ordering: .relaxed) }
                    let held = try await theirs.receiveWindowIsUsedUp()
                    isEnough.store(true, ordering: .relaxed)
                    #expect((262_144...16_777_216).contains(held))
                    let first = try await theirs.read(held)
                    let sent = try await written
                    #expect(first.bytes == PythonStream.Bytes(Array(sent.prefix(held))))
                    let rest = try await theirs.read(sent.count - held)
                    #expect(rest.bytes == PythonStream.Bytes(Array(sent.dropFirst(held))))
                }
            }
        }

        private static func write(
            to stream: any ByteStream, until isEnough: @Sendable () -> Bool
        ) async throws -> [UInt8] {
            var sent: [UInt8] = []
            while !isEnough() {
                let more = randomBytes(262_144)
                try await stream.write(more)
                sent += more
            }
            return sent
        }

        /// py-libp2p's writers give up when no window update comes within five seconds.
        @Test(arguments: Setting.all)
        func ourWindowStopsThem(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                for opener in Opener.allCases {
                    let (ours, theirs) = try await pair.stream(openedBy: opener)
                    async let written = theirs.write(1_000_000)
                    try await theirs.sendWindowIsUsedUp()
                    let found = try await bounded("the bytes that waited") { try await ours.read(1_000_000) }
                    #expect(PythonStream.Bytes(found) == (try await written))
                }
            }
        }

        @Test(arguments: Setting.all)
        func fiftyAtOnce(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                for opener in Opener.allCases {
                    // Nobody ends a stream before all are open and have carried something both ways.
                    let all = try await withThrowingTaskGroup(of: (any ByteStream, PythonStream).self) { group in
                        for _ in 0..<50 {
                            let (ours, theirs) = try await pair.stream(openedBy: opener)
                            group.addTask {
                                let question = randomBytes(1_000)
                                try await ours.write(question)
                                let heard = try await theirs.read(question.count)
                                #expect(heard.bytes == PythonStream.Bytes(question))
                                let answer = try await theirs.write(1_000)
                                #expect(PythonStream.Bytes(try await ours.read(1_000)) == answer)
                                return (ours, theirs)
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(all.count == 50)
                    for (ours, theirs) in all {
                        try await ours.closeWrite()
                        try await theirs.closeWrite()
                    }
                }
            }
        }

        @Test(arguments: Setting.all)
        func unknownProtocolsAreRefused(_ setting: Setting) async throws {
            try await Pair.connected(setting) { pair in
                await #expect(throws: TransportError(.protocolNotSupported, "")) {
                    _ = try await pair.ours.open("/interop/unknown/1.0.0", to: pair.theirs.id)
                }
                await #expect(throws: InteropError.self) {
                    _ = try await pair.theirs.open("/interop/unknown/1.0.0", to: pair.ours.id)
                }
                // After a refusal the next proposal is taken.
                let stream = try await pair.ours.node.openStream(
                    to: pair.theirs.id, protocols: ["/interop/unknown/1.0.0", PythonNode.echoProtocol])
                #expect(stream.protocolID == PythonNode.echoProtocol)
            }
        }
    }
}
