import Foundation
import JSONSchema

/// One line of the command's `--json` output, or of another program that speaks in events.
public struct JSONLine: Sendable {
    /// The event's name.
    public let event: String
    private let strings: [String: String]
    private let integers: [String: Int]
    private let lists: [String: [String]]

    /// What every line is held to: docs/json.schema.json.
    private static let schema = Result { try JSONSchema.ofOutput() }

    /// Parses a line of the command.
    ///
    /// - Parameter line: The line.
    /// - Throws: ``FlowError`` if it is not a JSON object with an event, or not as docs/json.schema.json has it.
    public init(_ line: String) throws {
        do {
            try Self.schema.get().check(line: line)
        } catch let error as JSONSchema.Violation {
            throw FlowError("\(error) in: \(line)")
        }
        try self.init(ofAnyProgram: line)
    }

    /// Parses a line of any program.
    ///
    /// - Parameter line: The line.
    /// - Throws: ``FlowError`` if it is not a JSON object with an event.
    public init(ofAnyProgram line: String) throws {
        guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            let event = object["event"] as? String
        else { throw FlowError("expected a JSON object with an event, found: \(line)") }
        self.event = event
        strings = object.compactMapValues { $0 as? String }
        integers = object.compactMapValues { $0 as? Int }
        lists = object.compactMapValues { $0 as? [String] }
    }

    /// A text field.
    ///
    /// - Parameter name: Its name.
    /// - Returns: Its value.
    /// - Throws: ``FlowError`` if the line has none.
    public func text(_ name: String) throws -> String {
        guard let value = strings[name] else { throw FlowError("\(event): no text field \"\(name)\"") }
        return value
    }

    /// A number.
    ///
    /// - Parameter name: Its name.
    /// - Returns: Its value.
    /// - Throws: ``FlowError`` if the line has none.
    public func number(_ name: String) throws -> Int {
        guard let value = integers[name] else { throw FlowError("\(event): no number \"\(name)\"") }
        return value
    }

    /// A list of texts.
    ///
    /// - Parameter name: Its name.
    /// - Returns: Its values.
    /// - Throws: ``FlowError`` if the line has none.
    public func texts(_ name: String) throws -> [String] {
        guard let values = lists[name] else { throw FlowError("\(event): no list \"\(name)\"") }
        return values
    }
}
