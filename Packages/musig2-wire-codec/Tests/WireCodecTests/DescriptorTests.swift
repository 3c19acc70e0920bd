import Multiformats
import Testing
import WireCodec
import WireCodecSamples

@Suite("Descriptors")
struct DescriptorTests {
    private func refused(
        _ field: String, _ reason: WireError.Reason, in message: String = "Descriptor",
        _ change: (inout Descriptor) -> Void
    ) {
        var descriptor = Samples.descriptor
        change(&descriptor)
        let error = WireError(message, field, reason)
        #expect(throws: error) { try descriptor.validatedEncoding() }
        #expect(throws: error) { try Descriptor(decoding: descriptor.encoded()) }
    }

    @Test func theSmallest() throws {
        let descriptor = Descriptor(
            signerKeys: [Samples.key(1)], messages: [[]], createdMilliseconds: 1, expiresMilliseconds: 2,
            random: Samples.bytes(32, 1))
        let bytes = try descriptor.validatedEncoding()
        #expect(try Descriptor(decoding: bytes) == descriptor)
        #expect(bytes.count == 94)
    }

    @Test func keys() {
        refused("signer_keys", .missing) { $0.signerKeys = [] }
        refused("signer_keys", .wrongLength(expected: 33, found: 32)) { $0.signerKeys[1].removeLast() }
        refused("signer_keys", .notAscending) { $0.signerKeys.swapAt(0, 1) }
        refused("message_keys", .wrongLength(expected: 33, found: 34)) { $0.messageKeys[0].append(1) }
        refused("message_keys", .wrongCount(expected: 3, found: 2)) { $0.messageKeys.removeLast() }
        refused("creator", .outOfRange(3)) { $0.creator = 3 }
    }

    /// Equal keys are for the session to name; here they are in order.
    @Test func equalKeysAreSorted() throws {
        var descriptor = Samples.descriptor
        descriptor.signerKeys[1] = descriptor.signerKeys[0]
        #expect(try Descriptor(decoding: descriptor.encoded()) == descriptor)
    }

    @Test func messages() {
        refused("messages", .missing) { $0.messages = [] }
        refused("messages", .tooLong(limit: 196_608, found: 196_609)) {
            $0.messages = [[UInt8](repeating: 1, count: 100_000), [UInt8](repeating: 1, count: 96_609)]
        }
        refused("messages", .tooMany(limit: 2_730)) { $0.messages = [[UInt8]](repeating: [1], count: 2_731) }
        refused("messages", .wrongLength(expected: 32, found: 0)) {
            $0.scheme = .lotus
            $0.tweaks = []
        }
    }

    @Test func tweaks() {
        refused("tweak", .wrongLength(expected: 32, found: 31), in: "Tweak") { $0.tweaks[0].tweak.removeLast() }
        refused("taproot", .conflict("tweaks and taproot exclude each other")) { $0.taproot = Descriptor.Taproot() }
        refused("merkle_root", .wrongLength(expected: 32, found: 1), in: "Taproot") {
            $0.tweaks = []
            $0.taproot = Descriptor.Taproot(merkleRoot: [1])
        }
        refused("tweaks", .tooMany(limit: 256)) {
            $0.tweaks = [Descriptor.Tweak](repeating: Descriptor.Tweak(Samples.bytes(32, 1), isXOnly: true), count: 257)
        }
        refused("tweaks", .conflict("lotus knows no tweak but taproot")) {
            $0.scheme = .lotus
            $0.messages = [Samples.bytes(32, 1)]
        }
        refused("sorted", .conflict("lotus needs sorted keys")) {
            $0.scheme = .lotus
            $0.messages = [Samples.bytes(32, 1)]
            $0.tweaks = []
            $0.isSorted = false
        }
    }

    @Test func course() {
        refused("election", .conflict("star needs an election")) {
            $0.topology = .star
            $0.hasCommitmentRound = false
            $0.commitTimeoutMilliseconds = 0
            $0.election = .off
        }
        refused("commitment_round", .conflict("star has no commitment round")) { $0.topology = .star }
        refused("version", .outOfRange(2)) { $0.version = 2 }
        refused("version", .missing) { $0.version = 0 }
        refused("signer_keys", .tooMany(limit: 32)) { descriptor in
            descriptor.isSorted = false
            descriptor.signerKeys = (0..<33).map { Samples.key(UInt8($0)) }
            descriptor.messageKeys = []
        }
    }

    @Test func times() {
        refused("commit_timeout_ms", .missing) { $0.commitTimeoutMilliseconds = 0 }
        refused("commit_timeout_ms", .conflict("without a commitment round there is no time for it")) {
            $0.hasCommitmentRound = false
        }
        refused("nonce_timeout_ms", .missing) { $0.nonceTimeoutMilliseconds = 0 }
        refused("partial_timeout_ms", .outOfRange(21_600_001)) { $0.partialTimeoutMilliseconds = 21_600_001 }
        refused("created_ms", .missing) { $0.createdMilliseconds = 0 }
        refused("expires_ms", .outOfRange(1 << 62)) { $0.expiresMilliseconds = 1 << 62 }
        refused("expires_ms", .conflict("expected a time after created_ms")) {
            $0.expiresMilliseconds = $0.createdMilliseconds
        }
        refused("random", .missing) { $0.random = [] }
    }

    @Test func metadata() {
        refused("metadata", .notAscending) { $0.metadata.reverse() }
        refused("metadata", .notAscending) { $0.metadata[1].key = $0.metadata[0].key }
        refused("key", .missing, in: "Metadata") { $0.metadata[0].key = "" }
        refused("metadata", .tooLong(limit: 8_192, found: 8_193)) {
            $0.metadata = [
                Descriptor.Metadata("a", String(repeating: "x", count: 4_096)),
                Descriptor.Metadata("b", String(repeating: "x", count: 4_095)),
            ]
        }
        refused("metadata", .tooMany(limit: 256)) {
            $0.metadata = (0..<257).map { Descriptor.Metadata(String(1_000 + $0), "") }
        }
    }

    @Test func nothingButTheOnlyEncoding() {
        let bytes = Samples.descriptor.encoded()
        #expect(throws: WireError("Descriptor", "", .unknownField(20))) {
            try Descriptor(decoding: bytes + [0xa0, 0x01, 0x01])
        }
        #expect(throws: WireError("Descriptor", "", .fieldOutOfOrder(1))) {
            try Descriptor(decoding: bytes + [0x08, 0x01])
        }
        #expect(throws: WireError("Descriptor", "version", .repeated)) {
            try Descriptor(decoding: [0x08, 0x01] + bytes)
        }
        #expect(throws: WireError("Descriptor", "version", .varint(.notMinimal))) {
            try Descriptor(decoding: [0x08, 0x81, 0x00] + bytes.dropFirst(2))
        }
        #expect(throws: WireError("Descriptor", "sorted", .defaultOnWire)) {
            try Descriptor(decoding: [0x08, 0x01, 0x10, 0x01, 0x18, 0x00])
        }
        #expect(throws: WireError("Descriptor", .tooLong(limit: 262_144, found: 262_145))) {
            try Descriptor(decoding: [UInt8](repeating: 0, count: 262_145))
        }
    }

    /// 1,000 signers with message keys leave room for all the messages that the limits allow.
    @Test func theLargestFitsAFrame() throws {
        var descriptor = Samples.descriptor
        descriptor.topology = .star
        descriptor.hasCommitmentRound = false
        descriptor.commitTimeoutMilliseconds = 0
        descriptor.isSorted = false
        descriptor.signerKeys = (0..<1_000).map { [2] + Samples.bytes(32, UInt8(truncatingIfNeeded: $0)) }
        descriptor.messageKeys = descriptor.signerKeys
        descriptor.messages = (0..<8).map { _ in [UInt8](repeating: 1, count: 23_000) }
        let bytes = try descriptor.validatedEncoding()
        #expect(try Descriptor(decoding: bytes) == descriptor)
        let announcement = Announcement(descriptor: descriptor, peerID: Samples.peerID, addresses: [], sequence: 1)
        let frame = Frame([.announcement(SignedAnnouncement(announcement) { _ in Samples.bytes(64, 1) })])
        #expect(try Frame(decoding: frame.encoded()).inflated() == frame)
    }
}
