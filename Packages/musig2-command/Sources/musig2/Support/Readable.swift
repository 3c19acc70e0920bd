import Multiformats

/// A protocol message as text for people and as JSON, field by field under the names of the Swift types.
enum Readable {
    /// The value as JSON: bytes in hexadecimal, addresses and peer ids as their text.
    static func json(_ value: Any) -> JSONValue {
        switch value {
        case let value as String: return .string(value)
        case let value as Bool: return .bool(value)
        case let value as any FixedWidthInteger: return integer(value)
        case let value as [UInt8]: return .string(Hex.encode(value))
        case let value as Multiaddr: return .string("\(value)")
        case let value as PeerID: return .string("\(value)")
        default: return structured(value)
        }
    }

    /// The value as indented lines.
    static func lines(_ value: JSONValue, name: String, indent: Int = 0) -> [String] {
        let margin = String(repeating: "  ", count: indent)
        switch value {
        case .string(let text): return ["\(margin)\(name): \(text)"]
        case .integer(let number): return ["\(margin)\(name): \(number)"]
        case .bool(let flag): return ["\(margin)\(name): \(flag ? "yes" : "no")"]
        case .array(let elements):
            if elements.isEmpty { return ["\(margin)\(name): none"] }
            return ["\(margin)\(name):"]
                + elements.enumerated().flatMap { lines($1, name: "\($0)", indent: indent + 1) }
        case .object(let fields):
            return ["\(margin)\(name):"]
                + fields.sorted { $0.key < $1.key }.flatMap { lines($1, name: $0, indent: indent + 1) }
        }
    }

    private static func integer(_ value: any FixedWidthInteger) -> JSONValue {
        // A number beyond Int would lose digits in most JSON readers.
        Int(exactly: value).map(JSONValue.integer) ?? .string("\(value)")
    }

    private static func structured(_ value: Any) -> JSONValue {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            return mirror.children.first.map { json($0.value) } ?? "none"
        case .collection, .set:
            return .array(mirror.children.map { json($0.value) })
        case .enum:
            guard let child = mirror.children.first else { return .string("\(value)") }
            return .object([child.label ?? "value": json(child.value)])
        default:
            if mirror.children.isEmpty { return .string("\(value)") }
            var fields: [String: JSONValue] = [:]
            for (index, child) in mirror.children.enumerated() {
                fields[child.label ?? "\(index)"] = json(child.value)
            }
            return .object(fields)
        }
    }
}
