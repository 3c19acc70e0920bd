import Multiformats
import Testing
import WireCodec

/// A message with a field of each kind, readable in both modes.
private struct Probe: Hashable {
    var number: UInt64 = 0
    var flag = false
    var bytes: [UInt8] = []
    var list: [[UInt8]] = []
    var numbers: [UInt32] = []
    var text = ""
    var texts: [String] = []
    var fixed: [UInt8] = []
    var small: UInt32 = 0

    init(_ hex: String, _ mode: ProtobufReader.Mode) throws(WireError) {
        var reader = ProtobufReader(Hex.decode(hex) ?? [0xff], message: "Probe", mode: mode)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: number = try reader.uint64(field, "number")
            case 2: flag = try reader.bool(field, "flag")
            case 3: bytes = try reader.bytes(field, "bytes", limit: 4)
            case 4: try reader.append(field, "list", to: &list, limit: 2, count: 3)
            case 5: try reader.append(field, "numbers", to: &numbers, count: 3)
            case 6: text = try reader.string(field, "text", limit: 4)
            case 7: try reader.append(field, "texts", to: &texts, limit: 4, count: 2)
            case 8: fixed = try reader.bytes(field, "fixed", exactly: 2)
            case 9: small = try reader.uint32(field, "small")
            default: try reader.unknown(field)
            }
        }
    }
}

@Suite("The protobuf reader")
struct ProtobufReaderTests {
    @Test(arguments: [
        ("0800", "number", WireError.Reason.defaultOnWire),
        ("1000", "flag", .defaultOnWire),
        ("1002", "flag", .outOfRange(2)),
        ("1a00", "bytes", .defaultOnWire),
        ("3200", "text", .defaultOnWire),
        ("2a00", "numbers", .defaultOnWire),
        ("088100", "number", .varint(.notMinimal)),
        ("088080808080808080808001", "number", .varint(.overflow)),
        ("888000", "", .varint(.notMinimal)),
        ("08010801", "number", .repeated),
        ("1a01011a0101", "bytes", .repeated),
        ("2a01012a0102", "numbers", .repeated),
        ("10010801", "", .fieldOutOfOrder(1)),
        ("5001", "", .unknownField(10)),
        ("5a00", "", .unknownField(11)),
        ("09", "number", .wrongWireType(expected: 0, found: 1)),
        ("0a00", "number", .wrongWireType(expected: 0, found: 2)),
        ("0d00000000", "number", .wrongWireType(expected: 0, found: 5)),
        ("1801", "bytes", .wrongWireType(expected: 2, found: 0)),
        ("2801", "numbers", .wrongWireType(expected: 2, found: 0)),
        ("0b", "", .unsupportedWireType(3)),
        ("0c", "", .unsupportedWireType(4)),
        ("0e", "", .unsupportedWireType(6)),
        ("0f", "", .unsupportedWireType(7)),
        ("00", "", .invalidTag(0)),
        ("02", "", .invalidTag(2)),
        ("8080808010", "", .invalidTag(1 << 32)),
        ("ffffffffffffffffff01", "", .invalidTag(.max)),
        ("08", "number", .truncated),
        ("0880", "number", .truncated),
        ("80", "", .truncated),
        ("1a", "bytes", .truncated),
        ("1a0201", "bytes", .truncated),
        ("1affffffffffffffffff01", "bytes", .truncated),
        ("1a050101010101", "bytes", .tooLong(limit: 4, found: 5)),
        ("2203010101", "list", .tooLong(limit: 2, found: 3)),
        ("2200220022002200", "list", .tooMany(limit: 3)),
        ("2a0401020304", "numbers", .tooMany(limit: 3)),
        ("2a0180", "numbers", .truncated),
        ("2a03818000", "numbers", .varint(.notMinimal)),
        ("2a058080808010", "numbers", .outOfRange(1 << 32)),
        ("3201ff", "text", .invalidText),
        ("3202c080", "text", .invalidText),
        ("3203eda080", "text", .invalidText),
        ("3a01ff", "texts", .invalidText),
        ("3a003a003a00", "texts", .tooMany(limit: 2)),
        ("420101", "fixed", .wrongLength(expected: 2, found: 1)),
        ("4200", "fixed", .wrongLength(expected: 2, found: 0)),
        ("488080808010", "small", .outOfRange(1 << 32)),
    ])
    func canonicalRefuses(hex: String, field: String, reason: WireError.Reason) {
        #expect(throws: WireError("Probe", field, reason)) { try Probe(hex, .canonical) }
    }

    @Test func canonicalAccepts() throws {
        let probe = try Probe(
            "08ac021001" + "1a0105" + "22002202aabb" + "2a0300017f" + "3202c3a9" + "3a003a0161" + "42020102"
                + "48ffffffff0f", .canonical)
        #expect(probe.number == 300)
        #expect(probe.flag)
        #expect(probe.bytes == [5])
        #expect(probe.list == [[], [0xaa, 0xbb]])
        #expect(probe.numbers == [0, 1, 127])
        #expect(probe.text == "é")
        #expect(probe.texts == ["", "a"])
        #expect(probe.fixed == [1, 2])
        #expect(probe.small == .max)
    }

    @Test func tolerantTakesTheLastValueAndSkipsTheRest() throws {
        // Any order, again, long varints, defaults; then packed and single numbers; then unknown fields of each type.
        let fields = ["1001", "0801", "0802", "1a0101", "1a0102", "088100", "1000", "2a020102", "2803"]
        let unknown = ["5005", "5a0101", "510000000000000000", "5500000000"]
        let probe = try Probe((fields + unknown).joined(), .tolerant)
        #expect(probe.number == 1)
        #expect(probe.flag == false)
        #expect(probe.bytes == [2])
        #expect(probe.numbers == [1, 2, 3])
    }

    /// A negative enum value takes ten bytes; 32-bit fields keep the low bits.
    @Test func tolerantTruncatesNumbers() throws {
        #expect(try Probe("48ffffffffffffffffff01", .tolerant).small == .max)
        #expect(try Probe("2a058080808010", .tolerant).numbers == [0])
        #expect(try Probe("1005", .tolerant).flag)
    }

    @Test(arguments: [
        ("5100000000000000", "", WireError.Reason.truncated),
        ("55000000", "", .truncated),
        ("5a02ff", "", .truncated),
        ("53", "", .unsupportedWireType(3)),
        ("2801280128012801", "numbers", .tooMany(limit: 3)),
        ("1a050101010101", "bytes", .tooLong(limit: 4, found: 5)),
        ("0880808080808080808002", "number", .varint(.overflow)),
    ])
    func tolerantRefuses(hex: String, field: String, reason: WireError.Reason) {
        #expect(throws: WireError("Probe", field, reason)) { try Probe(hex, .tolerant) }
    }

    @Test func writerLeavesDefaultsOutAndWritesRequired() {
        var writer = ProtobufWriter()
        writer.uint(1, 0 as UInt64)
        writer.uint(1, 0 as UInt32)
        writer.bool(2, false)
        writer.bytes(3, [])
        writer.string(4, "")
        writer.packed(5, [])
        #expect(writer.bytes.isEmpty)
        writer.requiredUInt(1, 0)
        writer.requiredBytes(2, [])
        writer.requiredString(3, "")
        writer.repeatedBytes(4, [[], [1]])
        writer.message(5) { _ in }
        writer.message(6) { inner in inner.message(1) { $0.bytes(1, [UInt8](repeating: 1, count: 200)) } }
        #expect(
            Hex.encode(writer.bytes)
                == "080012001a0022002201012a0032ce010acb010ac801" + String(repeating: "01", count: 200))
    }

    @Test func errorsSayWhereAndWhat() {
        let error = WireError("Body", "session_id", .wrongLength(expected: 32, found: 31))
        #expect("\(error)" == "Body.session_id: expected 32 bytes, found 31")
        #expect("\(WireError("Body", .notCanonical))" == "Body: not the only encoding allowed")
    }
}
