extension Multiaddr.Component {
    /// The multicodec number of the component.
    public var code: UInt64 {
        switch self {
        case .ip4: 4
        case .tcp: 6
        case .ip6: 41
        case .ip6zone: 42
        case .dns: 53
        case .dns4: 54
        case .dns6: 55
        case .dnsaddr: 56
        case .udp: 273
        case .p2pCircuit: 290
        case .unix: 400
        case .p2p: 421
        case .tls: 448
        case .sni: 449
        case .quicV1: 461
        case .ws: 477
        case .wss: 478
        case .httpPath: 481
        case .memory: 777
        }
    }

    /// The name of the component in text.
    public var name: String {
        switch self {
        case .ip4: "ip4"
        case .tcp: "tcp"
        case .ip6: "ip6"
        case .ip6zone: "ip6zone"
        case .dns: "dns"
        case .dns4: "dns4"
        case .dns6: "dns6"
        case .dnsaddr: "dnsaddr"
        case .udp: "udp"
        case .p2pCircuit: "p2p-circuit"
        case .unix: "unix"
        case .p2p: "p2p"
        case .tls: "tls"
        case .sni: "sni"
        case .quicV1: "quic-v1"
        case .ws: "ws"
        case .wss: "wss"
        case .httpPath: "http-path"
        case .memory: "memory"
        }
    }

    /// What the component writes after its code: nothing, bytes of a fixed number, or bytes behind their length.
    enum Value {
        case none
        case fixed([UInt8])
        case prefixed([UInt8])
    }

    var value: Value {
        switch self {
        case .quicV1, .tls, .ws, .wss, .p2pCircuit: .none
        case .ip4(let address): .fixed(address.bytes)
        case .ip6(let address): .fixed(address.bytes)
        case .tcp(let port), .udp(let port):
            .fixed([UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port)])
        case .memory(let number):
            .fixed((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) })
        case .p2p(let peer): .prefixed(peer.bytes)
        case .ip6zone(let text), .dns(let text), .dns4(let text), .dns6(let text), .dnsaddr(let text),
            .sni(let text), .httpPath(let text), .unix(let text):
            .prefixed(Array(text.utf8))
        }
    }

    var encodedLength: Int {
        let codeLength = UVarint.encodedLength(code)
        switch value {
        case .none: return codeLength
        case .fixed(let bytes): return codeLength + bytes.count
        case .prefixed(let bytes): return codeLength + UVarint.encodedLength(UInt64(bytes.count)) + bytes.count
        }
    }

    /// Refuses values that have no text or no meaning.
    func check() throws(MultiaddrError) {
        let valid: Bool
        switch self {
        case .dns(let text), .dns4(let text), .dns6(let text), .dnsaddr(let text), .sni(let text):
            valid = Self.isName(text) && text.utf8.count <= FormatLimits.dnsNameBytes
        case .ip6zone(let text): valid = Self.isName(text)
        case .httpPath(let text): valid = !text.isEmpty
        case .unix(let text): valid = text.utf8.count > 1 && text.utf8.first == 0x2f && !text.utf8.contains(0)
        default: valid = true
        }
        guard valid else { throw .invalidValue(component: name, found: Self.printable(textValue ?? "")) }
    }

    /// Printable ASCII without `/` and blanks, or anything outside ASCII.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") }
    }

    /// The text without control characters and cut to a sensible length, for an error message.
    static func printable(_ text: some StringProtocol) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(64).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : $0 }))
    }
}
