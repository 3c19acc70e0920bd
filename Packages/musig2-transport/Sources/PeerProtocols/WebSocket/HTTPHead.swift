/// The first line and the fields of an HTTP/1.1 message (RFC 9112): where they stand in its bytes, since most are looked at once.
struct HTTPHead {
    /// A field; the value is without surrounding spaces.
    private struct Field {
        var name: Range<Int>
        var value: Range<Int>
    }

    private let bytes: [UInt8]
    /// The three parts of the first line: method, target and version, or version, status and reason.
    private let parts: [Range<Int>]
    private let fields: [Field]

    /// Reads a head, which comes without the empty line at its end.
    init(_ bytes: [UInt8]) throws(WebSocketError) {
        var (start, end) = (0, Self.lineEnd(bytes, from: 0))
        parts = Self.parts(bytes, start..<end)
        guard parts.count >= 2, !bytes[start..<end].contains(where: Self.isForbidden) else {
            throw Self.malformed(bytes[start..<end])
        }
        var fields: [Field] = []
        while end + 2 < bytes.count {
            start = end + 2
            end = Self.lineEnd(bytes, from: start)
            let line = bytes[start..<end]
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > start,
                line[..<colon].allSatisfy(Self.isToken), !line.contains(where: Self.isForbidden)
            else { throw Self.malformed(line) }
            fields.append(Field(name: start..<colon, value: Self.trim(bytes, (colon + 1)..<end)))
        }
        self.bytes = bytes
        self.fields = fields
    }

    /// How many parts the first line has.
    var partCount: Int { parts.count }

    /// A part of the first line, which must be there.
    func part(_ index: Int) -> ArraySlice<UInt8> { bytes[parts[index]] }

    /// The parts of the first line from one on, as they stood there.
    func firstLine(from index: Int = 0) -> ArraySlice<UInt8> {
        guard index < parts.count, let last = parts.last else { return [] }
        return bytes[parts[index].lowerBound..<last.upperBound]
    }

    /// The values of all fields of a name, which is in lower case.
    func values(_ name: StaticString) -> [ArraySlice<UInt8>] {
        fields.filter { isEqual($0.name, name) }.map { bytes[$0.value] }
    }

    /// The value of a field that must be there once.
    func value(_ name: StaticString, expected: String) throws(WebSocketError) -> ArraySlice<UInt8> {
        var found: Range<Int>?
        for field in fields where isEqual(field.name, name) {
            guard found == nil else { throw wrong(name, expected) }
            found = field.value
        }
        guard let found, !found.isEmpty else { throw wrong(name, expected) }
        return bytes[found]
    }

    /// Checks that a field lists a word, which is in lower case, whatever case it stands there in.
    func require(_ word: StaticString, in name: StaticString) throws(WebSocketError) {
        for field in fields where isEqual(field.name, name) {
            var start = field.value.lowerBound
            while start <= field.value.upperBound {
                let rest = start..<field.value.upperBound
                let end = bytes[rest].firstIndex(of: UInt8(ascii: ",")) ?? rest.upperBound
                if isEqual(Self.trim(bytes, start..<end), word) { return }
                start = end + 1
            }
        }
        throw wrong(name, "\(word)")
    }

    /// A field that does not say what it must.
    func wrong(_ name: StaticString, _ expected: String) -> WebSocketError {
        .wrongField(
            name: "\(name)", expected: expected,
            found: WebSocketError.printable(values(name).joined(separator: CollectionOfOne(UInt8(ascii: ",")))))
    }

    /// Whether a word stands at a place, whatever its case.
    private func isEqual(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        let word = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        return bytes[range].elementsEqual(word) { Self.lowercased($0) == $1 }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// Where the line ends that begins at a place: at the next line break, or where the head does.
    private static func lineEnd(_ bytes: [UInt8], from start: Int) -> Int {
        var position = start
        while position + 1 < bytes.count {
            if bytes[position] == 0x0d, bytes[position + 1] == 0x0a { return position }
            position += 1
        }
        return bytes.count
    }

    /// A line cut at its first two spaces.
    private static func parts(_ bytes: [UInt8], _ line: Range<Int>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = line.lowerBound
        while parts.count < 2, let space = bytes[start..<line.upperBound].firstIndex(of: 0x20) {
            parts.append(start..<space)
            start = space + 1
        }
        return parts + [start..<line.upperBound]
    }

    private static func trim(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
        while start < end, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return start..<end
    }

    /// Section 5.6.2 of RFC 9110.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            return true
        default:
            return "!#$%&'*+.^_`|~".utf8.contains(byte)
        }
    }

    /// Control characters but for the tab: a line break alone among them.
    private static func isForbidden(_ byte: UInt8) -> Bool { byte < 0x20 && byte != 0x09 || byte == 0x7f }

    private static func malformed(_ line: ArraySlice<UInt8>) -> WebSocketError {
        .malformedHead(line: WebSocketError.printable(line))
    }
}

/// Takes the head of an HTTP message out of a byte stream, and not one byte that follows it.
struct HTTPHeadReader {
    private static let end: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]

    private let prefix: [UInt8]
    private let maximum: Int
    private var bytes: [UInt8] = []
    /// How much of ``end`` came last.
    private var matched = 0

    /// - Parameters:
    ///   - prefix: what the message must begin with: a peer of another kind is refused at the first byte that differs, as it
    ///     would otherwise be waited for in vain.
    ///   - maximum: the longest head, in bytes.
    init(prefix: String, maximum: Int) {
        self.prefix = Array(prefix.utf8)
        self.maximum = maximum
    }

    /// Reads on from `offset`, which moves past the bytes taken; nil when the head is not complete.
    mutating func next(_ input: UnsafeRawBufferPointer, at offset: inout Int) throws(WebSocketError) -> HTTPHead? {
        let start = offset
        while offset < input.count, matched < Self.end.count {
            let position = bytes.count + offset - start
            guard position < maximum else { throw .headTooLarge(maximum: maximum) }
            let byte = input[offset]
            if position < prefix.count, prefix[position] != byte {
                let found = bytes + input[start...].prefix(offset - start + WebSocketError.shownBytes)
                throw .notHTTP(
                    expected: String(decoding: prefix, as: UTF8.self), found: WebSocketError.printable(found))
            }
            offset += 1
            if byte == Self.end[matched] {
                matched += 1
            } else {
                matched = byte == Self.end[0] ? 1 : 0
            }
        }
        bytes += input[start..<offset]
        guard matched == Self.end.count else { return nil }
        bytes.removeLast(Self.end.count)
        return try HTTPHead(bytes)
    }
}
