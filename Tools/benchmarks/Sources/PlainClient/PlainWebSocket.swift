/// WebSocket as a client speaks it (RFC 6455): the upgrade, then each write as one masked binary message.
struct PlainWebSocket {
    private enum Reading {
        /// The head of a frame, as much as has come.
        case head([UInt8])
        /// The payload of a frame.
        case payload(opcode: UInt8, left: Int)
    }

    private static let binary: UInt8 = 2
    private static let mask: UInt32 = 0x9d3c_51e7

    private var reading = Reading.head([])

    /// The request that asks for the upgrade.
    static func request(port: UInt16) -> [UInt8] {
        let lines = [
            "GET / HTTP/1.1", "Host: 127.0.0.1:\(port)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// Takes the answer to the request out of what has come; nil while it is not complete.
    static func takeAnswer(from bytes: inout [UInt8]) throws -> Bool? {
        let end = Array("\r\n\r\n".utf8)
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else { return nil }
        let head = String(decoding: bytes[..<start], as: UTF8.self)
        guard head.hasPrefix("HTTP/1.1 101") else {
            throw PlainError("expected an upgrade to WebSocket, found \(head)")
        }
        bytes.removeFirst(start + end.count)
        return true
    }

    /// One message with these bytes.
    static func message(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var head: [UInt8] = [0x80 | Self.binary]
        switch bytes.count {
        case ..<126:
            head.append(0x80 | UInt8(bytes.count))
        case ..<65_536:
            head += [0x80 | 126, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)]
        default:
            head.append(0x80 | 127)
            head += withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { Array($0) }
        }
        head += withUnsafeBytes(of: Self.mask) { Array($0) }
        return [UInt8](unsafeUninitializedCapacity: head.count + bytes.count) { output, count in
            count = head.count + bytes.count
            output.baseAddress?.update(from: head, count: head.count)
            let body = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(output)[head.count..<count])
            let wide = UInt64(Self.mask) << 32 | UInt64(Self.mask)
            var offset = 0
            while offset + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                body.storeBytes(of: word ^ wide, toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            while offset < bytes.count {
                body[offset] = bytes[offset] ^ UInt8(truncatingIfNeeded: Self.mask >> (8 * UInt32(offset % 4)))
                offset += 1
            }
        }
    }

    /// Hands on the payloads inside the bytes that have come.
    mutating func receive(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var offset = 0
        while offset < bytes.count {
            switch self.reading {
            case .head(var head):
                head.append(bytes[offset])
                offset += 1
                self.reading = try Self.parse(head) ?? .head(head)
                if case .payload(_, 0) = self.reading { self.reading = .head([]) }
            case .payload(let opcode, let left):
                let count = min(left, bytes.count - offset)
                // Continuations carry on with a binary message; pings and pongs have nothing to say here.
                if opcode == Self.binary || opcode == 0 {
                    try body(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)]))
                }
                offset += count
                self.reading = count == left ? .head([]) : .payload(opcode: opcode, left: left - count)
            }
        }
    }

    /// What a complete head says; nil while it is not complete. A server does not mask.
    private static func parse(_ head: [UInt8]) throws -> Reading? {
        guard head.count >= 2 else { return nil }
        let opcode = head[0] & 0x0f
        guard opcode != 8, head[1] & 0x80 == 0 else { throw PlainError("WebSocket: closed, or a masked frame") }
        let wide = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0
        guard head.count == 2 + wide else { return nil }
        let length = wide == 0 ? Int(head[1]) : head[2...].reduce(0) { $0 << 8 | Int($1) }
        return .payload(opcode: opcode, left: length)
    }
}
