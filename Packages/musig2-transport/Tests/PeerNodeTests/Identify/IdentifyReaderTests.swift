import Multiformats
import PeerTransport
import Testing
import WireCodec

@testable import PeerNode

@Suite struct IdentifyReaderTests {
    private func read(_ bytes: [UInt8], in pieces: Int = .max) throws(IdentifyError) -> Identify {
        var reader = IdentifyReader()
        var rest = bytes[...]
        while !rest.isEmpty {
            try reader.feed(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        return try reader.finish()
    }

    private func frame(_ message: Identify) -> [UInt8] { FrameEncoder.encode(message.encoded()) }

    @Test(arguments: [1, 2, 7, .max])
    func aSplitMessageIsMerged(pieces: Int) throws {
        let parts = (0..<10).map { Identify(listenAddresses: [[UInt8($0)]], protocols: ["/\($0)"]) }
        var last = parts
        last[9].agentVersion = "x"
        let whole = try read(last.flatMap(frame), in: pieces)
        #expect(whole.listenAddresses == (0..<10).map { [UInt8($0)] })
        #expect(whole.protocols == (0..<10).map { "/\($0)" })
        #expect(whole.agentVersion == "x")
    }

    /// As go sends what has no room in one message: ten of 8 KiB.
    @Test(arguments: [1_000, .max]) func tenLargePartsAreMerged(pieces: Int) throws {
        func part(_ number: Int) -> Identify {
            Identify(protocols: (0..<8).map { "/\(number)/\($0)/" + String(repeating: "a", count: 1_000) })
        }
        let whole = try read((0..<10).flatMap { frame(part($0)) }, in: pieces)
        #expect(whole.protocols == (0..<10).flatMap { part($0).protocols })
    }

    @Test func limitsAreNamed() throws {
        let part = frame(Identify(protocols: ["/a"]))
        #expect(throws: IdentifyError.tooManyMessages(limit: 10)) {
            try read(Array(repeating: part, count: 11).flatMap { $0 })
        }
        let long = frame(Identify(protocols: [String(repeating: "a", count: 9_000)]))
        #expect(throws: IdentifyError.tooLong(limit: 8192)) { try read(long) }
        #expect(throws: IdentifyError.tooLong(limit: 8192)) {
            try read([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
        }
        let crowd = frame(Identify(protocols: (0..<1025).map { "\($0)" }))
        #expect(throws: IdentifyError.malformed(WireError("Identify", "protocols", .tooMany(limit: 1024)))) {
            try read(crowd)
        }
        #expect(throws: IdentifyError.nothing) { try read([]) }
        #expect(throws: IdentifyError.framing(.truncated)) { try read([5, 1]) }
        #expect(throws: IdentifyError.framing(.empty)) { try read([0]) }
    }

    /// Whatever comes, it is refused or read, and nothing grows.
    @Test func rubbishIsRefused() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...600, using: &generator)
            var bytes = frame(
                Identify(publicKey: [1], listenAddresses: [[4, 1, 2, 3, 4]], protocols: ["/a"], signedPeerRecord: [9]))
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes += (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            do {
                let message = try read(bytes)
                #expect(message.encoded().count <= 3 * IdentifyReader.maximumBytes, "seed \(seed)")
            } catch {
                #expect(!error.isLie, "seed \(seed)")
            }
        }
    }
}
