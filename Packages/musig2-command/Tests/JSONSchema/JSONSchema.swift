import Foundation

/// A JSON schema (2020-12), as far as the description of the command's output uses it. A keyword that is not known here
/// is an error: nothing in the schema goes unchecked.
public struct JSONSchema: Sendable {
    /// Why a value does not meet the schema, or the schema is none.
    public struct Violation: Error, Equatable, CustomStringConvertible {
        /// Where and what.
        public let description: String
    }

    /// A value of JSON.
    public enum Value: Sendable, Equatable, Decodable {
        case null
        case bool(Bool)
        case number(Double)
        case string(String)
        case array([Value])
        case object([String: Value])

        /// Reads whichever it is.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Double.self) {
                self = .number(value)
            } else if let value = try? container.decode(String.self) {
                self = .string(value)
            } else if let value = try? container.decode([Value].self) {
                self = .array(value)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }

        /// The field of an object.
        public subscript(_ name: String) -> Value? {
            guard case .object(let fields) = self else { return nil }
            return fields[name]
        }
    }

    private let root: Value

    /// Reads a schema.
    ///
    /// - Parameter text: JSON.
    /// - Throws: An error of the decoder.
    private init(_ text: Data) throws {
        root = try JSONDecoder().decode(Value.self, from: text)
    }

    /// The schema of the command's output, in the folder `docs` of this repository.
    ///
    /// - Throws: An error of the file system, or of the decoder.
    public static func ofOutput() throws -> JSONSchema {
        let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try JSONSchema(try Data(contentsOf: top.appendingPathComponent("docs/json.schema.json")))
    }

    /// The names of the events.
    public var events: Set<String> {
        guard case .object(let events)? = root["$defs"]?["events"] else { return [] }
        return Set(events.keys)
    }

    /// The names of an event's fields.
    public func fields(of event: String) -> Set<String> {
        guard case .object(let fields)? = root["$defs"]?["events"]?[event]?["properties"] else { return [] }
        return Set(fields.keys).subtracting(["event"])
    }

    /// Checks one line of output.
    ///
    /// - Parameter line: JSON.
    /// - Throws: ``Violation``, or an error of the decoder.
    public func check(line: String) throws {
        let value = try JSONDecoder().decode(Value.self, from: Data(line.utf8))
        guard case .string(let event)? = value["event"] else {
            throw Violation(description: "expected an object with an event, found \(line)")
        }
        // The schema says "one of these"; the event says which, and so what is wrong.
        guard let schema = root["$defs"]?["events"]?[event] else {
            throw Violation(description: "the event \"\(event)\" is not in docs/json.schema.json")
        }
        try check(value, schema, event)
    }

    private func check(_ value: Value, _ schema: Value, _ place: String) throws(Violation) {
        guard case .object(let keywords) = schema else { return }
        for (keyword, argument) in keywords {
            let isMet: Bool
            switch (keyword, argument, value) {
            case ("description", _, _), ("x-commands", _, _), ("properties", _, _), ("additionalProperties", _, _):
                isMet = true
            case ("$ref", .string(let reference), _):
                guard let target = resolve(reference) else {
                    throw Violation(description: "the schema has no \(reference)")
                }
                try check(value, target, place)
                isMet = true
            case ("type", .string(let type), _):
                isMet = value.isOf(type)
            case ("const", let expected, _):
                isMet = value == expected
            case ("enum", .array(let choices), _):
                isMet = choices.contains(value)
            case ("pattern", .string(let pattern), .string(let text)):
                isMet = text.range(of: pattern, options: .regularExpression) != nil
            case ("minimum", .number(let limit), .number(let number)):
                isMet = number >= limit
            case ("maximum", .number(let limit), .number(let number)):
                isMet = number <= limit
            case ("items", let item, .array(let values)):
                for (index, value) in values.enumerated() { try check(value, item, "\(place)[\(index)]") }
                isMet = true
            case ("required", .array(let names), .object(let fields)):
                for case .string(let name) in names where fields[name] == nil {
                    throw Violation(description: "\(place): the field \"\(name)\" is missing")
                }
                isMet = true
            case ("pattern", _, _), ("minimum", _, _), ("maximum", _, _), ("items", _, _), ("required", _, _):
                // Of another type, which has its own say.
                isMet = true
            default:
                throw Violation(description: "the schema uses \"\(keyword)\", which is not known here")
            }
            guard isMet else { throw Violation(description: "\(place): \(value) does not meet \(keyword) \(argument)") }
        }
        guard case .object(let properties)? = keywords["properties"], case .object(let fields) = value else { return }
        for (name, field) in fields {
            if let property = properties[name] {
                try check(field, property, "\(place).\(name)")
            } else if keywords["additionalProperties"] == .bool(false) {
                throw Violation(description: "\(place): the field \"\(name)\" is not in the schema")
            }
        }
    }

    private func resolve(_ reference: String) -> Value? {
        reference.split(separator: "/").dropFirst().reduce(root) { $0?[String($1)] }
    }
}

extension JSONSchema.Value {
    fileprivate func isOf(_ type: String) -> Bool {
        switch (type, self) {
        case ("null", .null), ("boolean", .bool), ("number", .number), ("string", .string), ("array", .array),
            ("object", .object):
            true
        case ("integer", .number(let number)): number.rounded() == number
        default: false
        }
    }
}
