extension Multiaddr {
    /// The binary form: for each component its varint code and its value.
    public var bytes: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(components.count * 8)
        for component in components {
            UVarint.append(component.code, to: &output)
            switch component.value {
            case .none: break
            case .fixed(let bytes): output.append(contentsOf: bytes)
            case .prefixed(let bytes):
                UVarint.append(UInt64(bytes.count), to: &output)
                output.append(contentsOf: bytes)
            }
        }
        return output
    }

    /// Decodes the whole of `bytes`.
    /// - Throws: ``MultiaddrError``. In a list of a peer's addresses drop one with an unknown code, and keep the others.
    public init(bytes: [UInt8]) throws(MultiaddrError) {
        guard bytes.count <= FormatLimits.multiaddrBytes else { throw .tooLong(limit: FormatLimits.multiaddrBytes) }
        var reader = Reader(bytes: bytes)
        var components: [Component] = []
        while reader.offset < bytes.count {
            guard components.count < FormatLimits.multiaddrComponents else {
                throw .tooLong(limit: FormatLimits.multiaddrComponents)
            }
            components.append(try reader.component())
        }
        try self.init(components)
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func component() throws(MultiaddrError) -> Component {
            let code = try varint(component: nil)
            switch code {
            case 4: return .ip4(IPv4Address(UInt32(truncatingIfNeeded: try number(4, "ip4"))))
            case 6: return .tcp(UInt16(truncatingIfNeeded: try number(2, "tcp")))
            case 41: return .ip6(IPv6Address(high: try number(8, "ip6"), low: try number(8, "ip6")))
            case 42: return .ip6zone(try text("ip6zone"))
            case 53: return .dns(try text("dns"))
            case 54: return .dns4(try text("dns4"))
            case 55: return .dns6(try text("dns6"))
            case 56: return .dnsaddr(try text("dnsaddr"))
            case 273: return .udp(UInt16(truncatingIfNeeded: try number(2, "udp")))
            case 290: return .p2pCircuit
            case 400: return .unix(try text("unix"))
            case 421:
                let id = try prefixed("p2p")
                do throws(PeerIDError) {
                    return .p2p(try PeerID(bytes: id))
                } catch {
                    throw .invalidValue(component: "p2p", found: Hex.encode(id.prefix(48)))
                }
            case 448: return .tls
            case 449: return .sni(try text("sni"))
            case 461: return .quicV1
            case 477: return .ws
            case 478: return .wss
            case 481: return .httpPath(try text("http-path"))
            case 777: return .memory(try number(8, "memory"))
            default: throw .unknownCode(code)
            }
        }

        private mutating func varint(component: String?) throws(MultiaddrError) -> UInt64 {
            do throws(VarintError) {
                return try UVarint.decode(bytes, at: &offset)
            } catch {
                if error == .truncated, let component { throw .truncated(component: component) }
                throw .varint(error)
            }
        }

        private mutating func number(_ count: Int, _ component: String) throws(MultiaddrError) -> UInt64 {
            guard count <= bytes.count - offset else { throw .truncated(component: component) }
            let value = bytes[offset..<(offset + count)].reduce(0) { $0 << 8 | UInt64($1) }
            offset += count
            return value
        }

        private mutating func prefixed(_ component: String) throws(MultiaddrError) -> [UInt8] {
            let length = try varint(component: component)
            guard length <= UInt64(bytes.count - offset) else { throw .truncated(component: component) }
            let value = Array(bytes[offset..<(offset + Int(length))])
            offset += value.count
            return value
        }

        private mutating func text(_ component: String) throws(MultiaddrError) -> String {
            let value = try prefixed(component)
            guard let text = String(validating: value, as: UTF8.self) else {
                throw .invalidValue(component: component, found: Hex.encode(value.prefix(48)))
            }
            return text
        }
    }
}
