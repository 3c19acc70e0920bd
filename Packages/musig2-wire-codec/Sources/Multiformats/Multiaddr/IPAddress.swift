/// An IPv4 address.
public struct IPv4Address: Hashable, Sendable, CustomStringConvertible {
    /// The address as a number: 127.0.0.1 is 0x7f000001.
    public let value: UInt32

    /// Makes an address of its number.
    public init(_ value: UInt32) { self.value = value }

    /// 127.0.0.1.
    public static let loopback = IPv4Address(0x7f00_0001)
    /// 0.0.0.0.
    public static let any = IPv4Address(0)

    /// Parses four decimal numbers of 0 to 255 with dots between, without leading zeros; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 15 else { return nil }
        var value: UInt32 = 0
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        for part in parts {
            guard let octet = DecimalText.parse(part, maximum: 255) else { return nil }
            value = value << 8 | UInt32(truncatingIfNeeded: octet)
        }
        self.value = value
    }

    /// The address in dotted form.
    public var description: String { "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)" }

    /// The four bytes, most significant first.
    public var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) } }

    /// Whether it is in 127.0.0.0/8.
    public var isLoopback: Bool { value >> 24 == 127 }

    /// Whether it cannot be reached from the Internet: loopback, private (RFC 1918), link-local, shared (RFC 6598), 0.0.0.0/8.
    public var isPrivate: Bool {
        isLoopback || value >> 24 == 0 || value >> 24 == 10 || value >> 20 == 0xac1 || value >> 16 == 0xc0a8
            || value >> 16 == 0xa9fe || value >> 22 == 0x191
    }

    /// Whether it names no single host: multicast (224.0.0.0/4) and what is reserved above (240.0.0.0/4, broadcast).
    public var isReserved: Bool { value >> 28 >= 14 }

    /// Whether it is one of the Internet: neither private nor reserved, nor for documentation (RFC 5737), measurements (198.18.0.0/15,
    /// RFC 2544) or protocols (192.0.0.0/24, RFC 6890).
    public var isPublic: Bool {
        let block = value >> 8
        let isExample = block == 0xc0_0002 || block == 0xc6_3364 || block == 0xcb_0071
        return !isPrivate && !isReserved && !isExample && value >> 17 != 0xc612 >> 1 && block != 0xc0_0000
    }
}

/// An IPv6 address, without zone.
public struct IPv6Address: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes as a number.
    public let high: UInt64
    /// The last eight bytes as a number.
    public let low: UInt64

    /// Makes an address of its two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// ::1.
    public static let loopback = IPv6Address(high: 0, low: 1)
    /// ::.
    public static let any = IPv6Address(high: 0, low: 0)

    /// Parses the text forms of RFC 4291, section 2.2, with or without `::`, and with a dotted IPv4 tail; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45 else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.count <= 9 else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // An empty part is a gap; at either edge the gap makes two of them.
                if index == 0 {
                    guard parts[1].isEmpty else { return nil }
                } else if index == parts.count - 1 {
                    guard gap == groups.count, parts[index - 1].isEmpty else { return nil }
                } else {
                    guard gap == nil else { return nil }
                    gap = groups.count
                }
            } else if index == parts.count - 1, part.contains(".") {
                guard let tail = IPv4Address(part) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: tail.value >> 16))
                groups.append(UInt16(truncatingIfNeeded: tail.value))
            } else {
                guard part.utf8.count <= 4, let group = Self.group(part) else { return nil }
                groups.append(group)
            }
        }
        if let gap {
            guard groups.count <= 7 else { return nil }
            groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        high = groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }
        low = groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
    }

    private static func group(_ text: some StringProtocol) -> UInt16? {
        var value: UInt16 = 0
        for character in text.utf8 {
            guard let digit = Hex.value(character) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// The address in the form of RFC 5952: lower case, the longest run of zero groups as `::`, IPv4-mapped with a dotted tail.
    public var description: String {
        if high == 0, low >> 32 == 0xffff { return "::ffff:\(IPv4Address(UInt32(truncatingIfNeeded: low)))" }
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> (48 - 16 * UInt64(index % 4)))
        }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }

    /// The sixteen bytes, most significant first.
    public var bytes: [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (56 - 8 * UInt64($0 % 8))) }
    }

    /// Whether it is ::1, or an IPv4-mapped loopback address.
    public var isLoopback: Bool { self == .loopback || mapped?.isLoopback == true }

    /// Whether it cannot be reached from the Internet: loopback, unspecified, unique local (fc00::/7, and fec0::/10 of old),
    /// link-local (fe80::/10), translated locally (64:ff9b:1::/48, RFC 8215), or leading to an IPv4 address that cannot.
    public var isPrivate: Bool {
        isLoopback || self == .any || high >> 57 == 0x7e || high >> 54 == 0x3fa || high >> 54 == 0x3fb
            || high >> 16 == 0x0064_ff9b_0001 || embeddedIPv4?.isPrivate == true
    }

    /// Whether it names no single host: multicast (ff00::/8), or leading to an IPv4 address that names none.
    public var isReserved: Bool { high >> 56 == 0xff || embeddedIPv4?.isReserved == true }

    /// Whether it is one of the Internet: global unicast (2000::/3) or translated from IPv4, neither private nor reserved, nor for
    /// documentation (2001:db8::/32, RFC 3849; 3fff::/20, RFC 9637) or measurements (2001:2::/48, RFC 5180), and not leading
    /// to an IPv4 address that is none of the Internet.
    public var isPublic: Bool {
        if let embeddedIPv4 { return embeddedIPv4.isPublic }
        let isExample = high >> 32 == 0x2001_0db8 || high >> 44 == 0x3_fff0 || high >> 16 == 0x2001_0002_0000
        return high >> 61 == 1 && !isExample
    }

    /// The IPv4 address that it leads to: mapped (::ffff:0:0/96), compatible (::/96), translated (64:ff9b::/96, RFC 6052; ::ffff:0:0:0/96,
    /// RFC 2765), 6to4 (2002::/16, RFC 3056) or Teredo (2001::/32, RFC 4380); nil for others.
    public var embeddedIPv4: IPv4Address? {
        let end = UInt32(truncatingIfNeeded: low)
        switch (high, low >> 32) {
        case (0, 0xffff), (0, 0xffff_0000), (0x0064_ff9b_0000_0000, 0): return IPv4Address(end)
        case (0, 0): return end > 1 ? IPv4Address(end) : nil
        default: break
        }
        if high >> 48 == 0x2002 { return IPv4Address(UInt32(truncatingIfNeeded: high >> 16)) }
        if high >> 32 == 0x2001_0000 { return IPv4Address(~end) }
        return nil
    }

    private var mapped: IPv4Address? {
        high == 0 && low >> 32 == 0xffff ? IPv4Address(UInt32(truncatingIfNeeded: low)) : nil
    }
}

/// Decimal numbers as addresses write them.
enum DecimalText {
    /// The number, or nil for an empty text, a character that is not a digit, a leading zero, or a number above `maximum`.
    static func parse(_ text: some StringProtocol, maximum: UInt64) -> UInt64? {
        let characters = text.utf8
        guard let first = characters.first, characters.count == 1 || first != UInt8(ascii: "0") else { return nil }
        var value: UInt64 = 0
        for character in characters {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(character - UInt8(ascii: "0")))
            guard !overflow, !carry, sum <= maximum else { return nil }
            value = sum
        }
        return value
    }
}
