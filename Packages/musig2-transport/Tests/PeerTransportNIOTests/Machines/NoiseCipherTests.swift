import Crypto
import NIOCore
import Testing

@testable import PeerNoise
@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("Noise transport messages")
struct NoiseCipherTests {
    private let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))

    private func seal(
        _ plaintext: [UInt8], counter: UInt64 = 0, maximum: Int = NoiseFraming.sealedPlaintext
    ) throws -> [UInt8] {
        var sealer = NoiseSealer(key: key, counter: counter, maximumPlaintext: maximum)
        var output = ByteBuffer()
        try plaintext.withUnsafeBytes { try sealer.seal($0, into: &output) }
        return Array(output.readableBytesView)
    }

    private func open(_ wire: [UInt8], pieces: Int, counter: UInt64 = 0) throws -> [[UInt8]] {
        let opener = NoiseOpener(key: key, counter: counter)
        var messages: [[UInt8]] = []
        var start = 0
        while start < wire.count {
            let piece = Array(wire[start..<min(start + pieces, wire.count)])
            var offset = 0
            while let plaintext = try piece.withUnsafeBytes({ try opener.next($0, at: &offset) }) {
                messages.append(Array(plaintext))
            }
            #expect(offset == piece.count)
            start += pieces
        }
        return messages
    }

    @Test("an empty plaintext is never sent")
    func empty() throws {
        #expect(try seal([]) == [])
    }

    @Test("plaintext of up to 32,760 bytes is one message, a byte more makes two")
    func split() throws {
        let one = try seal([UInt8](repeating: 5, count: 32_760))
        #expect(one.count == 32_778)
        #expect(Array(one.prefix(2)) == [0x80, 0x08])
        let two = try seal([UInt8](repeating: 5, count: 32_761))
        #expect(two.count == 32_778 + 2 + 17)
        #expect(Array(two[32_778..<32_780]) == [0x00, 0x11])
        #expect(try open(two, pieces: 100_000).map(\.count) == [32_760, 1])
    }

    @Test("the longest message there can be, as others make it")
    func longest() throws {
        let one = try seal([UInt8](repeating: 5, count: 65_519), maximum: 65_519)
        #expect(one.count == 65_537)
        #expect(Array(one.prefix(2)) == [0xff, 0xff])
        #expect(try open(one, pieces: 100_000).map(\.count) == [65_519])
        let two = try seal([UInt8](repeating: 5, count: 65_520), maximum: 65_519)
        #expect(two.count == 65_537 + 2 + 17)
        #expect(Array(two[65_537..<65_539]) == [0x00, 0x11])
        #expect(try open(two, pieces: 100_000).map(\.count) == [65_519, 1])
    }

    @Test("pieces of any size give the same messages", arguments: [1, 2, 3, 17, 64, 1000, 65_537, 1_000_000])
    func pieces(_ size: Int) throws {
        let plaintext = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var sealer = NoiseSealer(key: key)
        var output = ByteBuffer()
        for part in [plaintext[0..<1], plaintext[1..<500], plaintext[500...]] {
            try Array(part).withUnsafeBytes { try sealer.seal($0, into: &output) }
        }
        let messages = try open(Array(output.readableBytesView), pieces: size)
        #expect(messages.map(\.count) == [1, 499, 2500])
        #expect(messages.flatMap { $0 } == plaintext)
    }

    @Test("every altered byte behind the length is found")
    func altered() throws {
        let wire = try seal([1, 2, 3])
        for index in 2..<wire.count {
            var altered = wire
            altered[index] ^= 0x10
            #expect(throws: NoiseError.authenticationFailed(message: "transport message 0")) {
                try open(altered, pieces: 100)
            }
        }
    }

    @Test("a message shorter than its tag")
    func shorterThanTag() {
        #expect(throws: NoiseError.authenticationFailed(message: "transport message of 15 bytes")) {
            try open([0x00, 0x0f], pieces: 2)
        }
    }

    @Test("an empty message of another implementation is taken")
    func emptyFromOthers() throws {
        let box = try ChaChaPoly.seal([UInt8](), using: key, nonce: NoiseNonce.make(0))
        let wire = [0x00, 0x10] + Array(box.tag)
        #expect(try open(wire, pieces: 18) == [[]])
    }

    @Test("replayed and reordered messages are found")
    func replayed() throws {
        let wire = try seal([1])
        #expect(throws: NoiseError.authenticationFailed(message: "transport message 1")) {
            try open(wire + wire, pieces: 100)
        }
        #expect(throws: NoiseError.authenticationFailed(message: "transport message 0")) {
            try open(try seal([1], counter: 1), pieces: 100)
        }
    }

    @Test("the counter goes past 32 bits, and its last value is never used")
    func counter() throws {
        let wire = try seal([9], counter: 1 << 40)
        #expect(try open(wire, pieces: 100, counter: 1 << 40) == [[9]])
        #expect(hex(NoiseNonce.bytes(0x0102_0304_0506_0708)) == "000000000807060504030201")
        #expect(throws: NoiseError.nonceExhausted) { try seal([9], counter: .max) }
        let last = try seal([9], counter: .max - 1)
        #expect(try open(last, pieces: 100, counter: .max - 1) == [[9]])
        #expect(throws: NoiseError.nonceExhausted) { try open(last, pieces: 100, counter: .max) }
    }
}
