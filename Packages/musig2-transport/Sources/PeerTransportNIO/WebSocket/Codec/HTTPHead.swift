/// The first line and the fields of an HTTP/1.1 message (RFC 9112).
struct HTTPHead: Equatable {
    /// The three parts of the first line: method, target and version, or version, status and reason.
    let start: [[UInt8]]
    /// Names in lower case, values without surrounding spaces.
    let fields: [(name: String, value: [UInt8])]

    /// Reads a head, which comes without the empty line at its end.
    init(_ bytes: [UInt8]) throws(WebSocketError) {
        var lines = Self.lines(bytes)[...]
        let first = lines.popFirst() ?? []
        let parts = first.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, !first.contains(where: Self.isForbidden) else { throw Self.malformed(first) }
        self.start = parts.map(Array.init)
        var fields: [(String, [UInt8])] = []
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy(Self.isToken), !line.contains(where: Self.isForbidden)
            else { throw Self.malformed(line) }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            fields.append((name, Array(Self.trim(line[(colon + 1)...]))))
        }
        self.fields = fields
    }

    static func == (left: HTTPHead, right: HTTPHead) -> Bool {
        left.start == right.start && left.fields.elementsEqual(right.fields) { $0 == $1 }
    }

    /// The values of all fields of a name.
    func values(_ name: String) -> [[UInt8]] {
        self.fields.filter { $0.name == name }.map(\.value)
    }

    /// The value of a field that must be there once.
    func value(_ name: String, expected: String) throws(WebSocketError) -> [UInt8] {
        let values = self.values(name)
        guard values.count == 1, let value = values.first, !value.isEmpty else {
            throw .wrongField(
                name: name, expected: expected, found: WebSocketError.printable(values.joined(separator: [0x2c])))
        }
        return value
    }

    /// Checks that a field lists a word, whatever its case.
    func require(_ word: String, in name: String) throws(WebSocketError) {
        let values = self.values(name)
        for value in values {
            for part in value.split(separator: UInt8(ascii: ","))
            where String(decoding: Self.trim(part), as: UTF8.self).lowercased() == word {
                return
            }
        }
        throw .wrongField(
            name: name, expected: word, found: WebSocketError.printable(values.joined(separator: [0x2c])))
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var position = 0
        while position + 1 < bytes.count {
            if bytes[position] == 0x0d, bytes[position + 1] == 0x0a {
                lines.append(bytes[start..<position])
                position += 2
                start = position
            } else {
                position += 1
            }
        }
        if start < bytes.count { lines.append(bytes[start...]) }
        return lines
    }

    private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }

    /// Section 5.6.2 of RFC 9110.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            return true
        default:
            return "!#$%&'*+-.^_`|~".utf8.contains(byte)
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

    private let prefix: String
    private let maximum: Int
    private var bytes: [UInt8] = []
    /// How much of ``end`` came last.
    private var matched = 0

    /// - Parameters:
    ///   - prefix: what the message must begin with: a peer of another kind is refused at the first byte that differs, as it
    ///     would otherwise be waited for in vain.
    ///   - maximum: the longest head, in bytes.
    init(prefix: String, maximum: Int) {
        self.prefix = prefix
        self.maximum = maximum
    }

    /// Reads on from `offset`, which moves past the bytes taken; nil when the head is not complete.
    mutating func next(_ input: UnsafeRawBufferPointer, at offset: inout Int) throws(WebSocketError) -> HTTPHead? {
        let prefix = self.prefix.utf8
        while offset < input.count {
            guard self.bytes.count < self.maximum else { throw .headTooLarge(maximum: self.maximum) }
            let byte = input[offset]
            let position = self.bytes.count
            if position < prefix.count, prefix[prefix.index(prefix.startIndex, offsetBy: position)] != byte {
                let found = self.bytes + input[offset...].prefix(WebSocketError.shownBytes)
                throw .notHTTP(expected: self.prefix, found: WebSocketError.printable(found))
            }
            self.bytes.append(byte)
            offset += 1
            if byte == Self.end[self.matched] {
                self.matched += 1
            } else {
                self.matched = byte == Self.end[0] ? 1 : 0
            }
            if self.matched == Self.end.count {
                var head: [UInt8] = []
                swap(&head, &self.bytes)
                self.matched = 0
                return try HTTPHead(Array(head.dropLast(Self.end.count)))
            }
        }
        return nil
    }
}
