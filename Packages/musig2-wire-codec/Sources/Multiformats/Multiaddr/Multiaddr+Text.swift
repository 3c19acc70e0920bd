extension Multiaddr {
    /// The text form, as in `/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…`.
    public var description: String {
        var text = ""
        for component in components {
            text += "/" + component.name
            guard let value = component.textValue else { continue }
            if case .unix = component { text += value } else { text += "/" + value }
        }
        return text
    }

    /// Parses the text form; `ipfs` is taken as an old name of `p2p`, and either text form of a peer id is accepted.
    /// - Throws: ``MultiaddrError``.
    public init(_ text: String) throws(MultiaddrError) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= FormatLimits.multiaddrTextBytes else {
            throw .tooLong(limit: FormatLimits.multiaddrTextBytes)
        }
        guard text.utf8.first == UInt8(ascii: "/") else { throw .noLeadingSlash }
        // Split by bytes: a slash and a combining mark behind it are one `Character`.
        let slash = UInt8(ascii: "/")
        var parts = text.utf8.dropFirst().split(separator: slash, omittingEmptySubsequences: false).map(Substring.init)[
            ...]
        // One slash at the end is common and means nothing, but in a path.
        let endsWithSlash = parts.count > 1 && parts.last?.isEmpty == true
        if endsWithSlash { parts = parts.dropLast() }
        var components: [Component] = []
        while let name = parts.popFirst() {
            guard components.count < FormatLimits.multiaddrComponents else {
                throw .tooLong(limit: FormatLimits.multiaddrComponents)
            }
            if name == "unix" {
                let path = parts + (endsWithSlash ? [""] : [])
                guard !path.isEmpty else { throw .truncated(component: "unix") }
                components.append(.unix("/" + path.joined(separator: "/")))
                parts = []
            } else if let component = Component(nameWithoutValue: name) {
                components.append(component)
            } else {
                guard Component.namesWithValue.contains(String(name)) else {
                    throw name.isEmpty ? .empty : .unknownName(Component.printable(name))
                }
                guard let value = parts.popFirst() else { throw .truncated(component: String(name)) }
                guard let component = Component(name: name, value: value) else {
                    throw .invalidValue(component: String(name), found: Component.printable(value))
                }
                components.append(component)
            }
        }
        try self.init(components)
    }
}

extension Multiaddr.Component {
    /// What stands behind the name in text; nil for components without a value.
    var textValue: String? {
        switch self {
        case .quicV1, .tls, .ws, .wss, .p2pCircuit: nil
        case .ip4(let address): address.description
        case .ip6(let address): address.description
        case .tcp(let port), .udp(let port): String(port)
        case .memory(let number): String(number)
        case .p2p(let peer): peer.description
        case .httpPath(let path): PercentText.encode(path)
        case .ip6zone(let text), .dns(let text), .dns4(let text), .dns6(let text), .dnsaddr(let text),
            .sni(let text), .unix(let text):
            text
        }
    }

    static let namesWithValue: Set<String> = [
        "ip4", "ip6", "ip6zone", "dns", "dns4", "dns6", "dnsaddr", "tcp", "udp", "sni", "http-path", "p2p", "ipfs",
        "memory",
    ]

    init?(nameWithoutValue name: Substring) {
        switch name {
        case "quic-v1": self = .quicV1
        case "tls": self = .tls
        case "ws": self = .ws
        case "wss": self = .wss
        case "p2p-circuit": self = .p2pCircuit
        default: return nil
        }
    }

    init?(name: Substring, value: Substring) {
        let text = String(value)
        switch name {
        case "ip4":
            guard let address = IPv4Address(value) else { return nil }
            self = .ip4(address)
        case "ip6":
            guard let address = IPv6Address(value) else { return nil }
            self = .ip6(address)
        case "tcp", "udp":
            guard let number = DecimalText.parse(value, maximum: UInt64(UInt16.max)) else { return nil }
            let port = UInt16(truncatingIfNeeded: number)
            self = name == "tcp" ? .tcp(port) : .udp(port)
        case "memory":
            guard let number = DecimalText.parse(value, maximum: .max) else { return nil }
            self = .memory(number)
        case "p2p", "ipfs":
            guard let peer = try? PeerID(text) else { return nil }
            self = .p2p(peer)
        case "http-path":
            guard let path = PercentText.decode(value) else { return nil }
            self = .httpPath(path)
        case "ip6zone": self = .ip6zone(text)
        case "dns": self = .dns(text)
        case "dns4": self = .dns4(text)
        case "dns6": self = .dns6(text)
        case "dnsaddr": self = .dnsaddr(text)
        case "sni": self = .sni(text)
        default: return nil
        }
    }
}

/// Percent-encoding (RFC 3986, section 2.1), with which `http-path` keeps its slashes inside one component.
enum PercentText {
    static func encode(_ text: String) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(contentsOf: Hex.encode(CollectionOfOne(byte)).uppercased().utf8)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    static func decode(_ text: some StringProtocol) -> String? {
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                output.append(byte)
                continue
            }
            guard let first = rest.popFirst().flatMap(Hex.value), let second = rest.popFirst().flatMap(Hex.value) else {
                return nil
            }
            output.append(first << 4 | second)
        }
        return String(validating: output, as: UTF8.self)
    }
}
