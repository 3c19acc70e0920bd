import ArgumentParser
import Foundation
import Secp256k1

/// Which form the output takes.
enum OutputFormat: Sendable {
    /// Lines for people: results on standard output, progress on standard error.
    case human
    /// One JSON object a line, all on standard output, each with an `event`.
    case json
}

/// The options that choose the form of the output.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON lines. The default when standard output is not a terminal.")
    var json = false

    @Flag(name: .long, help: "Print for people even when standard output is not a terminal.")
    var human = false

    func validate() throws {
        if json && human { throw ValidationError("--json and --human exclude each other") }
    }

    /// What the options, and else the terminal, ask for.
    var output: Output { Output(format: OutputFormat(json: json, human: human)) }
}

extension OutputFormat {
    /// What two options, and else the terminal, ask for.
    init(json: Bool, human: Bool) {
        self = json ? .json : human || isatty(STDOUT_FILENO) == 1 ? .human : .json
    }

    /// What a command line asks for that could not be parsed.
    init(of arguments: some Sequence<String>) {
        let options = arguments.prefix { $0 != "--" }
        self.init(json: options.contains("--json"), human: options.contains("--human"))
    }
}

/// Writes the lines of the command.
struct Output: Sendable {
    let format: OutputFormat

    /// A result: what the person called the command for.
    ///
    /// - Throws: ``Failure`` when it cannot be written.
    func result(_ human: String, event: String, _ fields: [String: JSONValue]) throws {
        switch format {
        case .human: try Self.write(human)
        case .json: try writeJSON(event, fields)
        }
    }

    /// Progress: what happens meanwhile.
    ///
    /// - Throws: ``Failure`` when a JSON line cannot be written. Lines for people may get lost.
    func progress(_ human: String, event: String, _ fields: [String: JSONValue]) throws {
        switch format {
        case .human: Self.tell(human)
        case .json: try writeJSON(event, fields)
        }
    }

    /// A word for people alone: the fields of the result say the same.
    func tell(_ human: String) {
        if format == .human { Self.tell(human) }
    }

    /// A secret that the person asked for: it goes into no string, and is wiped.
    ///
    /// - Parameters:
    ///   - secret: Characters that need no escape in JSON.
    ///   - event: The event of the JSON line.
    ///   - field: The field that holds the secret.
    ///   - fields: The other fields.
    func secret(
        _ secret: borrowing SecretBytes, event: String, field: String, _ fields: [String: JSONValue]
    ) throws {
        let (before, after): (String, String)
        switch format {
        case .human: (before, after) = ("", "\n")
        case .json:
            // No text of a field can look like this: quotation marks in it are escaped.
            let place = "\u{1}"
            var fields = fields
            fields["event"] = .string(event)
            fields[field] = .string(place)
            let line = try JSONValue.object(fields).line()
            let parts = line.split(separator: "\"\(field)\":\"\\u0001\"", maxSplits: 1).map(String.init)
            (before, after) = ("\(parts[0])\"\(field)\":\"", "\"\(parts[1])\n")
        }
        let isWritten =
            StandardStreams.write(before, to: STDOUT_FILENO)
            && secret.withUnsafeBytes { StandardStreams.write($0, to: STDOUT_FILENO) }
            && StandardStreams.write(after, to: STDOUT_FILENO)
        guard isWritten else {
            throw Failure(.file, "cannot write to standard output: \(FileFailure.reason())")
        }
    }

    /// A session, for a person that looks at it: page by page on a terminal, where it is longer than that.
    ///
    /// - Parameters:
    ///   - view: The session.
    ///   - isResult: Whether it is what the person called the command for.
    ///   - asks: Whether the person can be asked for the next page.
    /// - Returns: False when the person did not look at all of it.
    /// - Throws: ``Failure`` when a line cannot be written, of a result or of JSON.
    func review(_ view: SessionView, isResult: Bool = false, asks: Bool) async throws -> Bool {
        guard format == .human else {
            try writeJSON("session", view.json())
            return true
        }
        let stream = isResult ? STDOUT_FILENO : STDERR_FILENO
        let lines = view.lines(columns: Terminal.columns(of: stream))
        let pages = Pages(lines, size: asks && Prompt.isPossible ? Terminal.size(of: stream) : nil)
        return try await pages.show(
            { line in
                if isResult { try Self.write(line) } else { Self.tell(line) }
            }, ask: Prompt.key(_:of:))
    }

    /// A failure, before the command ends with its status.
    func failure(_ failure: Failure) {
        switch format {
        case .human:
            Self.tell("error: \(failure.message)")
            for line in failure.hint?.split(separator: "\n") ?? [] { Self.tell("       \(line)") }
        case .json:
            var fields: [String: JSONValue] = [
                "message": .string(failure.message), "status": .integer(Int(failure.status.rawValue)),
            ]
            if let hint = failure.hint { fields["hint"] = .string(hint) }
            do {
                try writeJSON("error", fields)
            } catch {
                // Standard output is what failed, then: the other stream is left to say so.
                Self.tell("error: \(failure.message)")
            }
        }
    }

    private func writeJSON(_ event: String, _ fields: [String: JSONValue]) throws {
        var fields = fields
        fields["event"] = .string(event)
        try Self.write(try JSONValue.object(fields).line())
    }

    /// Whether the lines for people are in color.
    static let colors = Colors(STDERR_FILENO)

    /// Writes a line for people to standard error; there is nobody to tell if that fails.
    private static func tell(_ line: String) {
        _ = StandardStreams.write("\(colors.painted(line))\n", to: STDERR_FILENO)
    }

    /// Writes a line to standard output.
    static func write(_ line: String) throws(Failure) {
        guard StandardStreams.write("\(line)\n", to: STDOUT_FILENO) else {
            throw Failure(.file, "cannot write to standard output: \(FileFailure.reason())")
        }
    }
}

/// Runs the body of a command; a failure is printed and becomes the exit status.
func reporting(_ output: Output, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let failure as Failure {
        output.failure(failure)
        throw failure.status.code
    }
}
