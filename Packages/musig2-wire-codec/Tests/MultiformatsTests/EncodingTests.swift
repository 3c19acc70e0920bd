import Multiformats
import Testing

@Suite("Text encodings")
struct EncodingTests {
    @Test(arguments: [
        (0 as UInt64, "00"), (1, "01"), (127, "7f"), (128, "8001"), (255, "ff01"), (300, "ac02"), (16_384, "808001"),
        (1 << 63, "80808080808080808001"), (UInt64.max, "ffffffffffffffffff01"),
    ])
    func varintHasOneEncoding(value: UInt64, hex: String) throws {
        let bytes = UVarint.encode(value)
        #expect(Hex.encode(bytes) == hex)
        #expect(UVarint.encodedLength(value) == bytes.count)
        var offset = 0
        #expect(try UVarint.decode(bytes, at: &offset) == value)
        #expect(offset == bytes.count)
        for length in 0..<bytes.count {
            var start = 0
            #expect(throws: VarintError.truncated) { try UVarint.decode(Array(bytes.prefix(length)), at: &start) }
            #expect(start == 0)
        }
    }

    @Test func varintLengthIsRightAtEveryPowerOfTwo() {
        for bit in 0..<64 {
            let value = UInt64(1) << UInt64(bit)
            #expect(UVarint.encodedLength(value) == UVarint.encode(value).count)
            #expect(UVarint.encodedLength(value - 1) == UVarint.encode(value - 1).count)
        }
    }

    @Test(arguments: [
        ("8000", VarintError.notMinimal), ("ff8000", .notMinimal), ("80808080808080808000", .notMinimal),
        ("80808080808080808002", .overflow), ("8080808080808080808000", .overflow),
        ("ffffffffffffffffffff01", .overflow),
    ])
    func varintRefuses(hex: String, error: VarintError) throws {
        let bytes = try #require(Hex.decode(hex))
        var offset = 0
        #expect(throws: error) { try UVarint.decode(bytes, at: &offset) }
        #expect(offset == 0)
    }

    @Test func varintAcceptsLongFormsWhenAsked() throws {
        var offset = 0
        #expect(try UVarint.decode([0x81, 0x80, 0x00], at: &offset, minimal: false) == 1)
        #expect(offset == 3)
    }

    @Test func varintKeepsToItsEnd() {
        var offset = 1
        #expect(throws: VarintError.truncated) { try UVarint.decode([9, 0x80, 1], at: &offset, end: 2) }
        offset = 7
        #expect(throws: VarintError.truncated) { try UVarint.decode([9, 0x80, 1], at: &offset) }
    }

    /// Examples of draft-msporny-base58 and of Bitcoin's own tests.
    @Test(arguments: [
        ("", ""), ("61", "2g"), ("626262", "a3gV"), ("636363", "aPEr"), ("516b6fcd0f", "ABnLTmg"),
        ("48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"), ("0000287fb4cd", "11233QC4"), ("00000000", "1111"),
        (
            "00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"
        ),
    ])
    func base58(hex: String, text: String) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(Base58.encode(bytes) == text)
        #expect(Base58.decode(text) == bytes)
    }

    @Test func base58Refuses() {
        for text in ["0", "O", "I", "l", "a b", "é", "a3gV="] { #expect(Base58.decode(text) == nil) }
        #expect(Base58.decode(String(repeating: "2", count: 129)) == nil)
        #expect(Base58.decode(String(repeating: "2", count: 129), maximumCharacters: 129)?.count == 94)
    }

    /// Examples of RFC 4648, section 10, in multibase's form.
    @Test(arguments: [
        ("", ""), ("66", "my"), ("666f", "mzxq"), ("666f6f", "mzxw6"), ("666f6f62", "mzxw6yq"),
        ("666f6f6261", "mzxw6ytb"), ("666f6f626172", "mzxw6ytboi"),
    ])
    func base32(hex: String, text: String) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(Base32.encode(bytes) == text)
        #expect(Base32.decode(text) == bytes)
    }

    @Test(arguments: ["m", "mz", "mza", "mzxw6a", "MY", "m1", "my======", "mzxw6ytbo"])
    func base32Refuses(text: String) {
        #expect(Base32.decode(text) == nil)
    }

    @Test func hex() {
        #expect(Hex.encode([0, 0x0f, 0xa0, 0xff] as [UInt8]) == "000fa0ff")
        #expect(Hex.decode("000FA0ff") == [0, 0x0f, 0xa0, 0xff])
        for text in ["0", "0g", " 00", "é0"] { #expect(Hex.decode(text) == nil) }
    }
}
